"""Delivery: what each answer of Step Functions proves, and what is written down before and after it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from pytest_django import Settings

from approvals.actions import decisions
from approvals.actions.decisions import DecisionRequest
from approvals.arns import Place
from approvals.delivery import callbacks, lanes
from approvals.gateways import histories, stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import (
    AuditEvent,
    Breaker,
    OutboxAttempt,
    OutboxEntry,
    ReviewQueue,
    ReviewTask,
    User,
)
from approvals.models.choices import Outcome
from approvals.records import audit_verification, callback_payloads, outbox, tokens
from tests import factories
from tests.factories import actor
from tests.races import at_once, second_look

pytestmark = pytest.mark.django_db
OK = Answer(Proof.ACCEPTED, request_id="req-1")
LOST = Answer(Proof.AMBIGUOUS, "ReadTimeoutError")
CLOSED = Answer(Proof.CLOSED, "TaskTimedOut")
DENIED = Answer(Proof.ACCESS_DENIED, "AccessDeniedException")


class StepFunctions:
    """Stands where the gateway's calls are: answers in turn, the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [OK]
        self.calls: list[tuple[Any, ...]] = []
        self.meanwhile: Callable[[], Any] = lambda: None

    def success(self, place: Place, token: str, output: str) -> Answer:
        return self._answer("success", place, token, output)

    def failure(self, place: Place, token: str, error: str, cause: str) -> Answer:
        return self._answer("failure", place, token, error, cause)

    def _answer(self, *call: Any) -> Answer:
        self.calls.append(call)
        self.meanwhile()
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> StepFunctions:
    """Step Functions, answering 200 unless set up otherwise."""
    return standing_in(monkeypatch)


def standing_in(monkeypatch: pytest.MonkeyPatch) -> StepFunctions:
    """Stands in for Step Functions until the test ends."""
    made = StepFunctions()
    monkeypatch.setattr(stepfunctions, "send_task_success", made.success)
    monkeypatch.setattr(stepfunctions, "send_task_failure", made.failure)
    # What a history proves is tested in tests/reconciliation; here none may be read.
    monkeypatch.setattr(histories, "read", lambda *_: (DENIED, None))
    return made


def decided(by: User, outcome: str = "approved", **message: Any) -> OutboxEntry:
    review = factories.review(**message)
    request = DecisionRequest(undo_seconds=0, reason="because")
    decisions.decide(review.pk, Outcome(outcome), by=actor(by, "api"), request=request)
    return OutboxEntry.objects.get()


def attempt(entry: OutboxEntry) -> OutboxEntry:
    """One attempt now, whatever the schedule says."""
    OutboxEntry.objects.filter(state="waiting").update(not_before=Now())
    lanes.deliver(entry.pk)
    return OutboxEntry.objects.get(pk=entry.pk)


def results() -> list[str]:
    return list(OutboxAttempt.objects.order_by("number").values_list("result", flat=True))


def recorded() -> list[str]:
    """The kinds of the audit events about callbacks, oldest first."""
    kinds = AuditEvent.objects.filter(kind__startswith="callback.").order_by("seq")
    return list(kinds.values_list("kind", flat=True))


def test_an_approval_arrives_with_its_token_region_and_frozen_output(
    alice: User, aws: StepFunctions
) -> None:
    machine = "arn:aws:states:eu-north-1:123456789012:stateMachine:orders"
    factories.queue(state_machine_arns=[machine])
    arn = "arn:aws:states:eu-north-1:123456789012:execution:orders:x"
    named = {"executionArn": arn, "stateMachineArn": machine}
    entry = decided(alice, taskToken="token-000111222333", **named)

    entry = attempt(entry)

    kept = callback_payloads.thaw(bytes(entry.payload))
    assert isinstance(kept, callback_payloads.Success)
    assert aws.calls == [("success", Place("eu-north-1"), "token-000111222333", kept.output)]
    assert entry.delivery == ("delivered", "acknowledged")
    assert (entry.attempts, results()) == (1, ["accepted"])
    assert OutboxAttempt.objects.get().request_id == "req-1"


def test_a_rejection_arrives_as_error_and_cause_in_the_queues_region_without_an_arn(
    alice: User, aws: StepFunctions
) -> None:
    attempt(decided(alice, "rejected", taskToken="token-000111222333", executionArn=None))

    kind, place, token, error, cause = aws.calls[0]
    assert (kind, place, token) == ("failure", Place("us-east-1"), "token-000111222333")
    assert error == "ReviewRejected"
    assert cause.startswith("Rejected by alice@example.com: because [decision ")


@pytest.mark.parametrize(
    ("answer", "delivery"),
    [
        (OK, ("delivered", "acknowledged")),
        (Answer(Proof.THROTTLED, "ThrottlingException"), ("waiting", "retrying")),
        (Answer(Proof.NOT_SENT, "EndpointConnectionError"), ("waiting", "retrying")),
        (LOST, ("waiting", "retrying")),
        (CLOSED, ("unconfirmed", "history_unreadable")),
        (Answer(Proof.INVALID_TOKEN, "InvalidToken"), ("parked", "invalid_token")),
        (Answer(Proof.INVALID_OUTPUT, "InvalidOutput"), ("parked", "invalid_output")),
        (Answer(Proof.ACCESS_DENIED, "AccessDeniedException"), ("waiting", "retrying")),
    ],
    ids=lambda value: value.proof.value if isinstance(value, Answer) else "",
)
def test_each_answer_is_judged_by_the_table_and_journalled(
    answer: Answer, delivery: tuple[str, str], alice: User, aws: StepFunctions
) -> None:
    aws.answers = [answer]

    entry = attempt(decided(alice))

    journalled = OutboxAttempt.objects.get()
    assert entry.delivery == delivery
    assert (journalled.result, journalled.error_code) == (answer.proof, answer.code)
    assert journalled.ended_at is not None
    event = AuditEvent.objects.filter(kind__startswith="callback.").get()
    assert (event.data["detail"], event.data["error_code"]) == (delivery[1], answer.code)
    assert audit_verification.verify(event.chain) == []


def test_a_closed_token_without_an_execution_arn_can_never_be_known(
    alice: User, aws: StepFunctions
) -> None:
    aws.answers = [CLOSED]

    assert attempt(decided(alice, executionArn=None)).delivery == (
        "unconfirmed",
        "no_execution_arn",
    )


def test_a_token_that_is_closed_after_a_lost_answer_is_never_called_delivered(
    alice: User, aws: StepFunctions
) -> None:
    aws.answers = [LOST, CLOSED]
    entry = attempt(attempt(decided(alice)))

    assert entry.delivery.state == "unconfirmed"
    assert results() == ["ambiguous", "closed"]
    assert aws.calls[0] == aws.calls[1], "every attempt carries the same bytes"


def test_what_is_over_is_not_sent_again(alice: User, aws: StepFunctions) -> None:
    entry = attempt(decided(alice))

    assert not lanes.deliver(entry.pk)
    assert len(aws.calls) == 1


def test_a_late_200_of_a_sender_that_lost_its_lease_proves_delivery(
    alice: User, aws: StepFunctions
) -> None:
    slow = outbox.lease(decided(alice).pk)
    OutboxEntry.objects.update(lease_until=Now() - timedelta(seconds=1))
    aws.answers = [CLOSED]
    assert attempt(slow.entry).delivery.state == "unconfirmed"

    callbacks.conclude(slow, OK)

    assert OutboxEntry.objects.get().delivery == ("delivered", "acknowledged")
    assert results() == ["accepted", "closed"]


@pytest.mark.parametrize("late", [LOST, CLOSED, Answer(Proof.INVALID_TOKEN, "InvalidToken")])
def test_a_sender_that_lost_its_lease_journals_but_moves_nothing(
    late: Answer, alice: User, aws: StepFunctions
) -> None:
    slow = outbox.lease(decided(alice).pk)
    OutboxEntry.objects.update(lease_until=Now() - timedelta(seconds=1))
    newer = outbox.lease(slow.entry.pk)

    must_read_the_history = callbacks.conclude(slow, late)

    assert not must_read_the_history
    entry = OutboxEntry.objects.get()
    assert (entry.state, entry.lease_epoch) == ("sending", newer.epoch)
    assert results() == [late.proof, ""]


def test_a_200_stands_whatever_a_second_sender_hears_later(alice: User, aws: StepFunctions) -> None:
    slow = outbox.lease(decided(alice).pk)
    OutboxEntry.objects.update(lease_until=Now() - timedelta(seconds=1))
    attempt(slow.entry)

    callbacks.conclude(slow, CLOSED)

    assert OutboxEntry.objects.get().delivery == ("delivered", "acknowledged")


def test_access_denied_is_tried_slowly_until_the_deadline_and_then_parked(
    alice: User, aws: StepFunctions
) -> None:
    aws.answers = [Answer(Proof.ACCESS_DENIED, "AccessDeniedException")]
    entry = attempt(decided(alice))
    pause = entry.not_before - OutboxAttempt.objects.get().ended_at
    assert 14 < pause.total_seconds() <= 15

    ReviewTask.objects.update(deadline_at=Now())

    assert attempt(entry).delivery == ("parked", "access_denied")


def test_a_key_that_is_gone_parks_the_row_and_calls_nobody(
    alice: User, aws: StepFunctions, settings: Settings
) -> None:
    entry = decided(alice)
    settings.TOKEN_KEYS = {"k9": bytes(range(32))}

    assert attempt(entry).delivery == ("parked", "key_missing")
    assert (aws.calls, results()) == ([], ["key_missing"])


def test_what_the_queue_no_longer_admits_is_parked_and_is_no_refusal_of_aws(
    alice: User, aws: StepFunctions
) -> None:
    entry = decided(alice)
    ReviewQueue.objects.update(state_machine_arns=["arn:aws:states:eu-west-1:1:stateMachine:other"])

    assert attempt(entry).delivery == ("parked", "access_denied")
    assert (aws.calls, results()) == ([], ["access_denied"])
    assert not Breaker.objects.exists(), "it says nothing about the calls of others"


def test_a_token_moved_in_from_another_row_is_not_sent(alice: User, aws: StepFunctions) -> None:
    entry, other = decided(alice), factories.review()
    review = ReviewTask.objects.exclude(pk=other.pk).get()
    ReviewTask.objects.filter(pk=review.pk).update(sealed_token=other.sealed_token)

    assert attempt(entry).delivery == ("parked", "key_missing")
    assert aws.calls == []
    assert tokens.unseal(other.sealed_token, row=other.pk, column="sealed_token")


def test_only_the_first_of_many_retries_is_news_in_the_trail(
    alice: User, aws: StepFunctions
) -> None:
    aws.answers = [LOST, LOST, LOST, OK]
    entry = decided(alice)
    for _ in range(4):
        entry = attempt(entry)

    kinds = AuditEvent.objects.filter(kind__startswith="callback.").order_by("seq")
    assert list(kinds.values_list("kind", flat=True)) == ["callback.retrying", "callback.delivered"]
    assert (entry.attempts, results()) == (4, ["ambiguous"] * 3 + ["accepted"])


@pytest.mark.django_db(transaction=True)
def test_the_attempt_is_committed_before_the_call_and_no_transaction_is_open_during_it(
    alice: User, aws: StepFunctions
) -> None:
    entry = decided(alice)
    seen: list[Any] = []

    def look() -> None:
        with second_look() as other:
            seen.append(
                other.execute("SELECT state, attempts FROM approvals_outboxentry").fetchone()
            )
            journal = "SELECT number, result, ended_at FROM approvals_outboxattempt"
            seen.append(other.execute(journal).fetchone())
            open_ones = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"
            )
            seen.append(other.execute(open_ones).fetchone())
        seen.append(connection.in_atomic_block)

    aws.meanwhile = look

    assert attempt(entry).delivery.state == "delivered"
    assert seen == [("sending", 1), (1, "", None), (0,), False]


@pytest.mark.django_db(transaction=True)
def test_eight_senders_at_once_make_one_call(alice: User, aws: StepFunctions) -> None:
    entry = decided(alice)

    made = at_once([lambda: lanes.deliver(entry.pk) for _ in range(8)])

    assert (sorted(made), len(aws.calls)) == ([False] * 7 + [True], 1)


@pytest.mark.django_db(transaction=True)
def test_a_crash_after_the_call_leaves_an_attempt_without_an_end_and_is_tried_again(
    alice: User, aws: StepFunctions
) -> None:
    def die() -> None:
        raise SystemExit

    entry, aws.meanwhile = decided(alice), die
    with pytest.raises(SystemExit):
        lanes.deliver(entry.pk)
    assert (OutboxEntry.objects.get().state, results()) == ("sending", [""])

    aws.meanwhile = lambda: None
    OutboxEntry.objects.update(lease_until=Now() - timedelta(seconds=1))

    assert attempt(entry).delivery.state == "delivered"
    assert results() == ["", "accepted"]
