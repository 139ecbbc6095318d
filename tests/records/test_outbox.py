"""What leaves: the frozen bytes of each answer, leases and their fencing, pauses, and wake-ups that may fail."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.db import connection, transaction
from django.db.models.functions import Now

from approvals import tasks
from approvals.actions import decisions, queues
from approvals.actions.decisions import DecisionRequest
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.exceptions import Invalid
from approvals.models import Decision, OutboxAttempt, OutboxEntry, User
from approvals.models.choices import Outcome
from approvals.records import callback_payloads, database_time, outbox, wake_ups
from approvals.records.outbox import AttemptResult
from tests import factories
from tests.factories import actor
from tests.races import at_once

pytestmark = pytest.mark.django_db
KEYS = [
    "decision", "approved", "reviewer", "approved_at", "decided_at", "decision_id", "reason",
    "reason_code", "edits",
]  # fmt: skip


def decide(outcome: str, by: User, **ruling: Any) -> Decision:
    review, request = factories.review(), DecisionRequest(**ruling)
    return decisions.decide(review.pk, Outcome(outcome), by=actor(by), request=request).decision


def said(decision: Decision) -> dict[str, Any]:
    """The output that leaves, read as Step Functions reads it."""
    call = json.loads(bytes(decision.callback))
    assert list(call) == ["output"]
    output = json.loads(call["output"])
    assert list(output) == KEYS
    return output


def test_an_approval_says_everything_and_every_key_is_there(alice: User) -> None:
    decision = decide("approved", alice)

    at = decision.decided_at.isoformat()
    assert said(decision) == {
        "decision": "approved",
        "approved": True,
        "reviewer": "alice@example.com",
        "approved_at": at,
        "decided_at": at,
        "decision_id": str(decision.pk),
        "reason": "",
        "reason_code": "",
        "edits": {},
    }


def test_a_rejection_as_result_is_an_output_to_choose_on(alice: User) -> None:
    queues.save("manual-review", {"reject_as": "result"}, by=COMMAND_LINE)

    decision = decide("rejected", alice, reason="Grüße 🙂", reason_code="fraud")

    output = said(decision)
    assert (output["decision"], output["approved"], output["approved_at"]) == (
        "rejected",
        False,
        None,
    )
    assert (output["reason"], output["reason_code"]) == ("Grüße 🙂", "fraud")
    assert output["decided_at"] == decision.decided_at.isoformat()


@pytest.mark.parametrize(("reason", "words"), [("", "No reason given"), ("Too risky", "Too risky")])
def test_a_rejection_as_failure_names_error_reviewer_reason_and_decision(
    reason: str, words: str, alice: User
) -> None:
    queues.save("manual-review", {"error_name": "Orders.Refused"}, by=COMMAND_LINE)

    decision = decide("rejected", alice, reason=reason)

    assert json.loads(bytes(decision.callback)) == {
        "error": "Orders.Refused",
        "cause": f"Rejected by alice@example.com: {words} [decision {decision.pk}]",
    }


@pytest.mark.parametrize("letter", ["x", "é", "🙂", '"'])
def test_a_long_cause_is_shortened_in_the_reason_alone(letter: str, alice: User) -> None:
    decision = decide("rejected", alice, reason=letter * 32_768)

    cause = callback_payloads.thaw(bytes(decision.callback)).cause
    assert len(cause) == 32_768
    assert cause.startswith(f"Rejected by alice@example.com: {letter * 100}")
    assert cause.endswith(f"{letter}… [decision {decision.pk}]")


def test_an_output_step_functions_would_not_take_is_invalid_and_nothing_is_written(
    alice: User,
) -> None:
    queues.save("manual-review", {"output_schema": {"type": "object"}}, by=COMMAND_LINE)

    with pytest.raises(Invalid) as refused:
        decide("approved", alice, edits={"note": "é" * 131_072})

    assert refused.value.extra == {"pointer": "/edits"}
    assert (Decision.objects.count(), OutboxEntry.objects.count()) == (0, 0)


def test_the_longest_reason_of_the_worst_characters_still_fits(alice: User) -> None:
    decision = decide("approved", alice, reason="\x01" * 32_768, reason_code="\x02" * 64)

    call = callback_payloads.thaw(bytes(decision.callback))
    assert len(call.output.encode()) <= callback_payloads.MAX_OUTPUT_BYTES


def test_an_entry_is_leased_once_until_its_lease_runs_out(alice: User) -> None:
    decide("approved", alice, undo_seconds=0)
    entry = OutboxEntry.objects.get()

    first = outbox.lease(entry.pk)
    assert outbox.lease(entry.pk) is None
    OutboxEntry.objects.update(lease_until=Now() - timedelta(seconds=1))
    second = outbox.lease(entry.pk)

    assert (first.number, first.epoch, second.number, second.epoch) == (1, 1, 2, 2)
    fresh = OutboxEntry.objects.get()
    assert not outbox.still_ours(fresh, first)
    assert outbox.still_ours(fresh, second)
    assert OutboxAttempt.objects.filter(result="", ended_at=None).count() == 2


def leased_twice(by: User) -> tuple[outbox.Lease, outbox.Lease]:
    """Two attempts at one entry: the lease of the first has run out, and the second has taken over."""
    decide("approved", by, undo_seconds=0)
    entry = OutboxEntry.objects.get()
    first = outbox.lease(entry.pk)
    OutboxEntry.objects.update(lease_until=Now() - timedelta(seconds=1))
    return first, outbox.lease(entry.pk)


def test_a_late_result_is_journalled_and_moves_nothing(alice: User) -> None:
    first, _ = leased_twice(alice)

    result = AttemptResult("throttled", "ThrottlingException", "request-1")
    concluded = outbox.conclude(first, result, lambda _: outbox.parked("refused"))

    assert (concluded.verdict, concluded.entry.state) == (None, "sending")
    attempt = OutboxAttempt.objects.get(number=1)
    assert (attempt.result, attempt.request_id) == ("throttled", "request-1")


def test_a_late_acceptance_settles_the_row_and_nothing_moves_it_any_more(alice: User) -> None:
    first, second = leased_twice(alice)

    outbox.conclude(first, AttemptResult("accepted"), lambda _: None)
    later = outbox.conclude(second, AttemptResult("closed"), lambda _: outbox.parked("refused"))

    assert later.verdict is None
    assert OutboxEntry.objects.get().delivery == ("delivered", "acknowledged")
    assert set(OutboxAttempt.objects.values_list("result", flat=True)) == {"accepted", "closed"}


def test_the_holder_of_the_lease_moves_the_row_and_a_known_result_stays(alice: User) -> None:
    _, second = leased_twice(alice)

    undecided = outbox.conclude(second, AttemptResult("closed"), lambda _: None)
    moved = outbox.conclude(
        second, AttemptResult("history", if_unknown=True), lambda _: outbox.retrying(at_least=5)
    )

    assert undecided.verdict is None
    assert moved.is_retried
    assert moved.entry.not_before > database_time.now() + timedelta(seconds=4)
    assert OutboxAttempt.objects.get(number=2).result == "closed"


@pytest.mark.parametrize("state", ["settled", "parked", "cancelled"])
def test_what_has_ended_is_never_leased(state: str, alice: User) -> None:
    decide("approved", alice, undo_seconds=0)
    OutboxEntry.objects.update(state=state, ended_at=Now())

    assert outbox.lease(OutboxEntry.objects.get().pk) is None


def test_pauses_grow_with_jitter_and_are_bounded(alice: User) -> None:
    decide("approved", alice, undo_seconds=0)
    entry = OutboxEntry.objects.get()

    def pauses(attempts: int) -> list[float]:
        entry.attempts = attempts
        made = []
        for _ in range(40):
            now = database_time.now()
            outbox.retry_later(entry)
            made.append((entry.not_before - now).total_seconds())
        return made

    assert max(pauses(1)) <= 2.1
    for many in (8, 50, 10_000):
        slow = pauses(many)
        assert 20 < max(slow) <= 60.1
        assert min(slow) >= 0.1
        assert len(set(slow)) > 30


@pytest.mark.django_db(transaction=True)
def test_sixteen_senders_at_once_get_one_lease(alice: User) -> None:
    decide("approved", alice, undo_seconds=0)
    entry = OutboxEntry.objects.get()

    leases = at_once([lambda: outbox.lease(entry.pk)] * 16)

    assert sum(lease is not None for lease in leases) == 1
    assert OutboxAttempt.objects.count() == 1


def hints_sent() -> list[list[str]]:
    """Arguments of the tasks that lie in the test's own broker, which is empty afterwards."""
    with current_app.connection() as broker, broker.SimpleQueue("countersign") as lying:
        return [lying.get(block=False).payload[0] for _ in range(len(lying))]


@pytest.mark.django_db(transaction=True)
def test_a_hint_is_sent_after_the_commit_holds_an_id_alone_and_waits_for_no_undo(
    alice: User,
) -> None:
    hints_sent()
    with transaction.atomic():
        wake_ups.after_commit(wake_ups.DELIVER, alice.pk)
        transaction.set_rollback(True)
    decide("approved", alice, undo_seconds=10)
    assert hints_sent() == []

    decide("approved", alice, undo_seconds=0)

    entry = OutboxEntry.objects.order_by("-created_at").first()
    assert hints_sent() == [[str(entry.pk)]]


APPROVE = """
import sys, time, django
django.setup()
from approvals.actions import decisions
from approvals.actors import Actor
from approvals.models import ReviewTask, User
from approvals.models.choices import Outcome, Surface
review, alice = ReviewTask.objects.get(), User.objects.get(email="alice@example.com")
began = time.monotonic()
at_once = decisions.DecisionRequest(undo_seconds=0)
decisions.decide(review.pk, Outcome.APPROVED, by=Actor(alice, Surface.API), request=at_once)
print(time.monotonic() - began)
from concurrent.futures import ThreadPoolExecutor
from approvals.records import wake_ups
began = time.monotonic()
with ThreadPoolExecutor(40) as pool:
    list(pool.map(lambda _: wake_ups._send(wake_ups.DELIVER, str(review.pk), {}), range(int(sys.argv[1]))))
print(time.monotonic() - began)
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("broker", "others"),
    [
        ("amqp://127.0.0.1:{port}//", 40),
        ("sqs://id:secret@", 4),
    ],  # a client of SQS costs CPU to make
)
def test_a_broker_that_never_answers_delays_no_decision(
    broker: str, others: int, alice: User
) -> None:
    factories.review()
    address = "postgres://{user}@{host}:{port}/{dbname}".format(
        **connection.get_connection_params()
    )
    with socket.create_server(("127.0.0.1", 0), backlog=50) as hole:
        port = hole.getsockname()[1]
        surroundings = os.environ | {
            "DATABASE_URL": address,
            "CELERY_BROKER_URL": broker.format(port=port),
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "CELERY_QUEUE_URL": f"http://127.0.0.1:{port}/1/countersign",
        }
        run = subprocess.run(
            [sys.executable, "-c", APPROVE, str(others)],
            env=surroundings,
            capture_output=True,
            text=True,
            check=True,
        )
        hole.setblocking(False)
        hole.accept()[0].close()  # it did call

    alone, among_others = map(float, run.stdout.split())
    assert alone < 3
    assert among_others < 3
    assert '"event": "hint.lost"' in run.stderr
    assert OutboxEntry.objects.get().state == "waiting"


def test_the_task_makes_one_attempt_at_the_row_it_is_given(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    monkeypatch.setattr(lanes, "deliver", given.append)

    tasks.deliver(str(alice.pk))

    assert given == [alice.pk]
    assert tasks.deliver.name == wake_ups.DELIVER
