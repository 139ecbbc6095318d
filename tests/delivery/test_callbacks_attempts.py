"""One attempt after another: when no call is made any more, whose decision it is, and what is recorded."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from approvals.actions import decisions
from approvals.arns import Place
from approvals.delivery import callbacks
from approvals.gateways import histories, stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import AuditEvent, Breaker, OutboxAttempt, OutboxEntry, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.records import audit, outbox
from tests import factories
from tests.delivery.test_callbacks import (
    CLOSED,
    DENIED,
    LOST,
    OK,
    StepFunctions,
    attempt,
    decided,
    recorded,
    results,
    standing_in,
)
from tests.factories import actor
from tests.waiting_reviews import AT_ONCE

pytestmark = pytest.mark.django_db
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
INVALID = Answer(Proof.INVALID_TOKEN, "InvalidToken")
THROTTLED = Answer(Proof.THROTTLED, "ThrottlingException")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> StepFunctions:
    """Step Functions, answering 200 unless set up otherwise."""
    return standing_in(monkeypatch)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The executions whose account was asked for; each is in another one than we act in."""
    arns: list[str] = []

    def is_in_another_account(_: Place, arn: str) -> bool:
        arns.append(arn)
        return True

    monkeypatch.setattr(stepfunctions, "is_in_another_account", is_in_another_account)
    return arns


@pytest.mark.parametrize("answer", [CLOSED, INVALID])
def test_after_an_answer_that_is_final_the_history_alone_is_read(
    answer: Answer, alice: User, aws: StepFunctions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histories, "read", lambda *_: (THROTTLED, None))
    aws.answers = [answer]
    entry = decided(alice)

    for _ in range(3):
        entry = attempt(entry)

    assert entry.delivery == ("waiting", "retrying")
    assert (len(aws.calls), results()) == (1, [answer.proof, "history", "history"])


def test_a_call_is_made_with_the_token_of_its_own_decision_and_recorded_there(
    alice: User, aws: StepFunctions
) -> None:
    entries: dict[str, OutboxEntry] = {}
    for token in ("token-of-the-first", "token-of-the-second"):
        review = factories.review(taskToken=token)
        review = decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice), request=AT_ONCE)
        entries[token] = OutboxEntry.objects.get(subject=review.decision_id)

    for token, entry in entries.items():
        lease = outbox.lease(entry.pk)
        assert lease is not None
        callbacks.send(lease)

        review = ReviewTask.objects.get(decision=entry.subject)
        assert callbacks.about(lease) == {"review": str(review.pk)}
        assert aws.calls[-1][2] == token
        event = AuditEvent.objects.get(kind="callback.delivered", chain=audit.chain(review))
        assert event.data["decision"] == str(entry.subject)


def test_the_first_retry_is_recorded_once_although_a_breaker_was_open_between_retries(
    alice: User, aws: StepFunctions
) -> None:
    aws.answers = [LOST]
    entry = decided(alice)

    for number in (1, 2, 3):
        breaker = Breaker.objects.create(
            queue_id=entry.queue_id,
            strikes=3,
            opened_at=Now(),
            retry_at=Now() + timedelta(minutes=1),
        )
        assert attempt(entry).delivery == ("waiting", "breaker_open")
        breaker.delete()
        entry = attempt(entry)
        assert (entry.attempts, entry.delivery) == (number, ("waiting", "retrying"))
        assert recorded() == ["callback.retrying"]

    aws.answers = [OK]
    attempt(entry)
    assert recorded() == ["callback.retrying", "callback.delivered"]


@pytest.mark.parametrize(
    ("answer", "delivery"),
    [(OK, ("delivered", "acknowledged")), (THROTTLED, ("waiting", "retrying"))],
)
def test_only_an_invalid_token_lets_us_ask_for_the_account(
    answer: Answer,
    delivery: tuple[str, str],
    alice: User,
    aws: StepFunctions,
    asked: list[str],
) -> None:
    factories.queue(state_machine_arns=[MACHINE])
    aws.answers = [answer]

    assert attempt(decided(alice)).delivery == delivery
    assert (asked, results()) == ([], [answer.proof])


def test_a_token_that_is_invalid_here_and_good_in_another_account_waits_for_a_role(
    alice: User, aws: StepFunctions, asked: list[str]
) -> None:
    factories.queue(state_machine_arns=[MACHINE])
    aws.answers = [INVALID]

    assert attempt(decided(alice)).delivery == ("waiting", "retrying")
    assert (asked, results()) == ([ReviewTask.objects.get().execution_arn], ["access_denied"])


def test_the_account_of_an_execution_that_anybody_may_have_named_is_not_asked_for(
    alice: User, aws: StepFunctions, asked: list[str]
) -> None:
    aws.answers = [INVALID]

    assert attempt(decided(alice, executionArn=None)).delivery == ("parked", "invalid_token")
    assert (asked, results()) == ([], ["invalid_token"])


def test_a_refused_call_of_an_entry_without_a_queue_counts_against_none(
    alice: User, aws: StepFunctions
) -> None:
    entry = decided(alice)
    OutboxEntry.objects.update(queue=None)
    aws.answers = [DENIED, OK]

    assert attempt(entry).delivery == ("waiting", "retrying")
    assert not Breaker.objects.exists()
    assert attempt(entry).delivery == ("delivered", "acknowledged")


def test_a_refusal_that_opens_the_breaker_leaves_a_parked_entry_as_it_is(
    alice: User, aws: StepFunctions
) -> None:
    entry = decided(alice)
    Breaker.objects.create(queue_id=entry.queue_id, strikes=2)
    ReviewTask.objects.update(deadline_at=Now())
    aws.answers = [DENIED]

    assert attempt(entry).delivery == ("parked", "access_denied")
    assert Breaker.objects.get().opened_at is not None


@pytest.mark.parametrize("answer", [LOST, THROTTLED])
def test_what_may_pass_is_tried_again_soon_although_the_deadline_is_over(
    answer: Answer, alice: User, aws: StepFunctions
) -> None:
    entry = decided(alice)
    ReviewTask.objects.update(deadline_at=Now())
    aws.answers = [answer]

    entry = attempt(entry)

    assert entry.delivery == ("waiting", "retrying")
    pause = entry.not_before - OutboxAttempt.objects.get().ended_at
    assert pause.total_seconds() <= 2


def test_a_probe_that_is_refused_goes_on_being_held_back_by_the_breaker(
    alice: User, aws: StepFunctions
) -> None:
    entry = decided(alice)
    past = Now() - timedelta(seconds=1)
    Breaker.objects.create(queue_id=entry.queue_id, strikes=3, opened_at=past, retry_at=past)
    aws.answers = [THROTTLED]

    assert attempt(entry).delivery == ("waiting", "breaker_open")
    assert results() == ["throttled"]


@pytest.mark.parametrize(
    ("answer", "strikes"),
    [
        (LOST, [2]),
        (Answer(Proof.NOT_SENT, "EndpointConnectionError"), [2]),
        (Answer(Proof.INVALID_OUTPUT, "InvalidOutput"), [2]),
        (THROTTLED, [3]),
        (CLOSED, []),
        (INVALID, []),
    ],
)
def test_only_an_answer_about_the_token_shows_that_calls_are_not_refused(
    answer: Answer, strikes: list[int], alice: User, aws: StepFunctions
) -> None:
    entry = decided(alice)
    Breaker.objects.create(queue_id=entry.queue_id, strikes=2)
    aws.answers = [answer]

    attempt(entry)

    assert list(Breaker.objects.values_list("strikes", flat=True)) == strikes
