"""A backup was restored and its last minutes are gone: what AWS still holds is found and listed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from approvals.actions import decisions, queues
from approvals.actors import COMMAND_LINE
from approvals.models import (
    AuditEvent,
    OutboxEntry,
    QuarantinedMessage,
    RateBucket,
    ReviewQueue,
    ReviewTask,
    User,
)
from approvals.models.choices import Outcome
from approvals.reconciliation import recovery
from approvals.records import audit_verification, database_time
from approvals.worker import loop
from tests import factories
from tests.factories import actor
from tests.fake_aws import FakeAws, Fault
from tests.races import at_once
from tests.reconciliation import restoring
from tests.waiting_reviews import AT_ONCE, ask_now, deliver, take_in, token_of

pytestmark = pytest.mark.django_db(transaction=True)
Waiting = Callable[..., ReviewTask]
Lines = list[dict[str, str]]
THIRTY_NINE_DAYS = timedelta(days=39)


def recover(*arguments: str, since: datetime | None = None) -> tuple[int, Lines, dict[str, Any]]:
    """`manage.py recover held --json`: its exit code, what differs, and its last line."""
    out, code = io.StringIO(), 0
    at = (since or datetime.now(UTC) - timedelta(hours=1)).isoformat()
    try:
        call_command("recover", "held", "--json", "--since", at, *arguments, stdout=out)
    except SystemExit as ended:
        code = int(str(ended.code))
    *found, last = map(json.loads, out.getvalue().splitlines())
    return code, found, last


def pairs(found: Lines) -> set[tuple[str, str]]:
    return {(one["what"], one["reference"]) for one in found}


@dataclass(frozen=True)
class Restored:
    """A restored backup: the reviews of its last minutes, which are gone, and who won each token."""

    since: datetime
    early: ReviewTask  # decided after the backup
    under_way: ReviewTask  # decided before the backup, delivered after it
    late: ReviewTask  # received after the backup
    lost_here: ReviewTask  # `early` as it was decided
    lost_whole: ReviewTask  # received, decided and delivered after the backup
    winners: dict[str, str | None]  # by token


@pytest.fixture
def restored(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, ada: User, tmp_path: Path
) -> Restored:
    """Six reviews before and after a backup, which is then restored; SQS has forgotten all of them."""
    early, sent = waiting("order-early"), approve(waiting("order-sent"), ada)
    deliver(sent)
    under_way = approve(waiting("order-under-way"), ada)
    since = database_time.now()
    backup = restoring.back_up(tmp_path / "backup.dump")

    deliver(under_way)
    lost_here = approve(early, ada)
    deliver(lost_here)
    late, decided, expired = (waiting(f"order-{what}") for what in ("late", "decided", "expired"))
    lost_whole = decisions.decide(
        decided.pk, Outcome.REJECTED, by=actor(ada, "api"), request=AT_ONCE
    )
    deliver(lost_whole)
    aws.expire(token_of(aws, expired))
    winners = {task["token"]: aws.log.winner(task["token"]) for task in aws.tasks()}

    restoring.restore(backup)
    take_in(held)
    assert ReviewTask.objects.count() == 3
    return Restored(since, early, under_way, late, lost_here, lost_whole, winners)


def approve(review: ReviewTask, by: User) -> ReviewTask:
    """Approve a review, to be delivered at once."""
    return decisions.decide(review.pk, Outcome.APPROVED, by=actor(by, "api"), request=AT_ONCE)


def test_after_a_restore_everything_that_was_lost_is_taken_in_again_or_named(
    aws: FakeAws, restored: Restored, ada: User
) -> None:
    code, found, last = recover(since=restored.since)

    assert code == 3
    assert pairs(found) == {
        ("lost", "order-early"),
        ("taken_in", "order-late"),
        ("lost", "order-decided"),
        ("ended", "order-expired"),
    }
    there = {one["reference"]: one.get("decision_there", "") for one in found}
    assert there["order-early"] == str(restored.lost_here.decision_id)
    assert there["order-decided"] == str(restored.lost_whole.decision_id)
    assert last == {"executions": 5, "differ": 4, "go_on_before": None}

    loop.sweep_once()
    assert ReviewTask.objects.get(pk=restored.early.pk).status == "orphaned"
    closed = AuditEvent.objects.get(kind="review.orphaned")
    assert closed.data["decision_found"] == str(restored.lost_here.decision_id)
    entry = OutboxEntry.objects.get(subject=restored.under_way.decision_id)
    assert entry.delivery == ("delivered", "proved_by_history")
    again = ReviewTask.objects.get(reference="order-late")
    assert again.token_fingerprint == restored.late.token_fingerprint
    assert deliver(approve(again, ada)).delivery == ("delivered", "acknowledged")

    code, found, _ = recover(since=restored.since)
    assert (code, pairs(found)) == (
        3,
        {("lost", "order-early"), ("lost", "order-decided"), ("ended", "order-expired")},
    )
    again.refresh_from_db()
    winners = restored.winners | {token_of(aws, again): str(again.decision_id)}
    assert {token: aws.log.winner(token) for token in winners} == winners
    assert aws.log.closed_more_than_once() == []
    assert list(audit_verification.Verification()) == []


def test_a_decision_taken_again_after_a_restore_never_passes_for_the_first_and_is_named(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, ada: User, tmp_path: Path
) -> None:
    review = waiting()
    backup = restoring.back_up(tmp_path / "backup.dump")
    first = decisions.decide(
        review.pk, Outcome.APPROVED, by=actor(ada, "api"), request=AT_ONCE
    ).decision_id
    deliver(ReviewTask.objects.get())
    restoring.restore(backup)

    again = decisions.decide(review.pk, Outcome.REJECTED, by=actor(ada, "api"), request=AT_ONCE)
    _, [found], _ = recover()

    assert (found["what"], found["decision_here"], found["decision_there"]) == (
        "lost",
        str(again.decision_id),
        str(first),
    )
    assert deliver(again).delivery == ("closed_elsewhere", "other_party")
    assert aws.log.winner(token_of(aws, review)) == str(first)


def test_a_decision_that_the_history_contradicts_is_named_until_the_review_says_so_itself(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, ada: User
) -> None:
    review = decisions.decide(waiting().pk, Outcome.APPROVED, by=actor(ada, "api"), request=AT_ONCE)
    aws.expire(token_of(aws, review))

    _, [found], _ = recover()
    assert (found["what"], found["fate"]) == ("contradicted", "expired")
    assert found["decision_here"] == str(review.decision_id)

    assert deliver(review).delivery == ("closed_elsewhere", "expired")
    assert recover()[:2] == (0, [])


def test_what_agrees_is_no_finding(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, ada: User
) -> None:
    deliver(
        decisions.decide(waiting("a").pk, Outcome.APPROVED, by=actor(ada, "api"), request=AT_ONCE)
    )
    expired = waiting("b")
    aws.expire(token_of(aws, expired))
    ask_now(expired)
    waiting("c")

    assert recover() == (0, [], {"executions": 3, "differ": 0, "go_on_before": None})


def test_a_message_that_a_poller_finds_after_all_is_no_second_review_and_no_conflict(
    aws: FakeAws, held: ReviewQueue, machine: str, ada: User
) -> None:
    aws.start(machine, "order-1", {"order_id": "order-1", "total": 1.50})
    body = json.loads(aws.bodies(held.sqs_url)[0])
    code, [found], _ = recover("--state-machine", machine)
    assert (code, found["what"]) == (3, "taken_in")

    aws.send(held.sqs_url, [json.dumps(dict(reversed(body.items())), indent=2)])
    take_in(held)
    assert ReviewTask.objects.count() == 1
    assert not QuarantinedMessage.objects.exists()

    aws.send(held.sqs_url, [json.dumps(body | {"orderId": "order-2"})])
    take_in(held)
    assert QuarantinedMessage.objects.get().reason == "conflict"


def test_beside_pollers_and_beside_itself_every_token_becomes_one_review(
    aws: FakeAws, held: ReviewQueue, machine: str
) -> None:
    for number in range(12):
        aws.start(machine, f"order-{number}", {"order_id": f"order-{number}"})
    since = datetime.now(UTC) - timedelta(hours=1)

    def walk() -> list[recovery.Found]:
        return list(recovery.Recovery(held, [machine], since))

    found = at_once([walk, walk, lambda: take_in(held), lambda: take_in(held)])

    taken_in = [one.review for some in found[:2] for one in some]
    assert len(taken_in) == len(set(taken_in))
    assert ReviewTask.objects.count() == 12
    assert AuditEvent.objects.filter(kind="review.received").count() == 12
    assert not QuarantinedMessage.objects.exists()


def test_an_execution_that_has_run_for_weeks_and_asked_in_the_lost_minutes_is_found(
    aws: FakeAws, held: ReviewQueue
) -> None:
    machine = aws.machine("slow", review_queue_url=held.sqs_url, timeout_seconds=None)
    aws.start(machine, "order-1", {"order_id": "order-1"})
    aws.advance(THIRTY_NINE_DAYS.total_seconds())  # SQS keeps a message for four
    since = datetime.now(UTC) + THIRTY_NINE_DAYS - timedelta(hours=1)

    _, found, _ = recover("--state-machine", machine, since=since)

    assert pairs(found) == {("taken_in", "order-1")}


def test_messages_of_another_queue_are_left_to_it(
    aws: FakeAws, held: ReviewQueue, machine: str
) -> None:
    arn = aws.start(machine, "order-1", {"order_id": "order-1"})
    aws.open_task(arn, queue_url=aws.create_queue("secret"), state_name="Payroll")

    _, found, _ = recover("--state-machine", machine)

    assert pairs(found) == {("taken_in", "order-1")}
    assert ReviewTask.objects.get().state_name == "ManualReview"


def test_what_the_queue_does_not_admit_goes_to_quarantine_once(
    aws: FakeAws, held: ReviewQueue, machine: str
) -> None:
    queues.save(held.slug, {"state_machine_arns": [f"{machine}-other"]}, by=COMMAND_LINE)
    aws.start(machine, "order-1", {"order_id": "order-1"})

    assert pairs(recover("--state-machine", machine)[1]) == {("quarantined", "order-1")}
    assert recover("--state-machine", machine)[:2] == (0, [])
    assert not ReviewTask.objects.exists()


def test_it_waits_for_its_turn_and_goes_on_after_a_throttle(
    aws: FakeAws, held: ReviewQueue, machine: str
) -> None:
    aws.start(machine, "order-1", {"order_id": "order-1"})
    aws.plan("ListExecutions", [Fault.THROTTLED])
    aws.plan("GetExecutionHistory", [Fault.THROTTLED, Fault.LOSE_REPLY_BEFORE_APPLY])
    RateBucket.objects.create(name="recovery:eu-west-1", left=0, filled_at=database_time.now())

    code, found, _ = recover("--state-machine", machine)

    assert (code, pairs(found)) == (3, {("taken_in", "order-1")})
    assert aws.unfired() == []


def test_a_history_that_cannot_be_read_is_named_and_the_others_are_looked_into(
    aws: FakeAws, held: ReviewQueue, machine: str
) -> None:
    hidden = aws.start(machine, "order-1", {"order_id": "order-1"})
    aws.start(machine, "order-2", {"order_id": "order-2"})
    aws.hide_history(hidden)

    _, found, last = recover("--state-machine", machine)

    assert {"what": "unread", "execution_arn": hidden, "fate": "history_unreadable"} in found
    assert {one["what"] for one in found} == {"unread", "taken_in"}
    assert last["executions"] == 2


def test_executions_that_cannot_be_listed_are_one_line_and_exit_code_1(
    aws: FakeAws, held: ReviewQueue, machine: str
) -> None:
    aws.switch("ListExecutions", Fault.ACCESS_DENIED)

    with pytest.raises(CommandError, match="cannot be listed: AccessDeniedException") as refusal:
        recover("--state-machine", machine)

    assert refusal.value.returncode == 1


def test_it_goes_on_where_it_was_stopped(aws: FakeAws, held: ReviewQueue, machine: str) -> None:
    for number in range(3):
        aws.start(machine, f"order-{number}", {"order_id": f"order-{number}"})
    found: Lines = []
    rest: list[str] = []

    for _ in range(3):
        code, more, last = recover("--state-machine", machine, "--limit", "1", *rest)
        assert (code, last["executions"]) == (3, 1)
        found += more
        rest = ["--before", last["go_on_before"]] if last["go_on_before"] else []

    assert rest == []
    assert [one["reference"] for one in found] == ["order-2", "order-1", "order-0"]


def test_asked_to_stop_it_names_where_to_go_on(
    aws: FakeAws, held: ReviewQueue, machine: str
) -> None:
    for number in range(3):
        aws.start(machine, f"order-{number}", {"order_id": f"order-{number}"})
    walk = recovery.Recovery(held, [machine], datetime.now(UTC) - timedelta(hours=1))

    first = next(iter(walk))
    walk.stop.set()

    assert first.reference == "order-2"
    later = recovery.Recovery(held, [machine], walk.since, before=walk.resume_before)
    assert [one.reference for one in later] == ["order-1", "order-0"]


def test_the_queues_own_machines_are_the_default_and_no_token_is_ever_shown(
    aws: FakeAws,
    held: ReviewQueue,
    waiting: Waiting,
    machine: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = waiting("order-1")
    arn = aws.start(machine, "order-2", {"order_id": "order-2\x1b[2J"})
    execution = aws.account.executions.by_arn[arn]
    foreseen = aws.account.executions._new_token(execution)
    aws.open_task(arn, queue_url=held.sqs_url, input={"order_id": f"it is {foreseen}"})
    assert recovery.machines_of(held) == [machine]
    out = io.StringIO()
    since = known.sent_at.isoformat()

    with pytest.raises(SystemExit):
        call_command("recover", "held", "--since", since, stdout=out)

    tokens = [task["token"] for task in aws.tasks()]
    printed = out.getvalue() + "".join(capsys.readouterr())
    assert foreseen in tokens
    assert "order-2⟨U+001B⟩[2J" in printed
    assert "it is [task token]" in printed
    assert printed.splitlines()[-1].startswith("2 executions looked into, 2 differences")
    assert not any(token in printed for token in tokens)
    assert not any(token[:40] in printed for token in tokens)


def test_an_ended_execution_of_a_forged_review_closes_nothing_here(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, machine: str
) -> None:
    genuine = waiting()
    factories.review(held, executionArn=genuine.execution_arn, stateMachineArn=machine)

    assert recover()[:2] == (0, [])
