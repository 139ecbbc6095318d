"""Entries are delivered by their lane: what is due, the longest waiting first, and no failure silently."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from approvals.actions import decisions
from approvals.actions.decisions import DecisionRequest
from approvals.delivery import lanes
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import Breaker, OutboxEntry, ReviewQueue, User
from approvals.models.choices import Outcome
from approvals.records import database_time
from tests import factories
from tests.factories import actor

pytestmark = pytest.mark.django_db
CALLBACKS = OutboxEntry.Lane.CALLBACKS


@pytest.fixture(autouse=True)
def step_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Step Functions accepts every answer."""
    monkeypatch.setattr(stepfunctions, "send_task_success", lambda *_: Answer(Proof.ACCEPTED))


def approve(by: User, times: int = 1) -> list[OutboxEntry]:
    """Approve so many new reviews; the entries of their decisions, the oldest first."""
    for _ in range(times):
        request = DecisionRequest(undo_seconds=0)
        decisions.decide(factories.review().pk, Outcome.APPROVED, by=actor(by), request=request)
    return list(OutboxEntry.objects.order_by("created_at"))


def test_an_entry_whose_subject_cannot_be_found_is_no_silent_failure(
    alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    entry = factories.outbox_entry(
        OutboxEntry.Kind.CALLBACK,
        alice.pk,  # no decision
        b"{}",
        not_before=database_time.now(),
    )

    assert lanes.drain(CALLBACKS) == 0

    assert "delivery.failed" in caplog.text
    assert "DoesNotExist" in caplog.text
    entry.refresh_from_db()
    assert (entry.state, entry.attempts) == ("sending", 1), "its lease says that it was tried"


def test_a_bounded_drain_takes_the_longest_waiting_first(alice: User) -> None:
    *_, newest = approve(alice, times=3)
    OutboxEntry.objects.filter(pk=newest.pk).update(not_before=Now() - timedelta(hours=1))

    assert lanes.drain(CALLBACKS, limit=1) == 1
    assert OutboxEntry.objects.get(state="settled") == newest


def test_a_drain_that_is_to_stop_makes_no_further_attempt(alice: User) -> None:
    approve(alice, times=3)
    stops = iter([False, True])

    assert lanes.drain(CALLBACKS, stop=lambda: next(stops)) == 1
    assert OutboxEntry.objects.filter(state="waiting", attempts=0).count() == 2


def test_an_entry_of_a_queue_whose_circuit_breaker_is_open_is_held_back_and_costs_no_attempt(
    alice: User, queue: ReviewQueue
) -> None:
    (entry,) = approve(alice)
    later = Now() + timedelta(minutes=1)
    Breaker.objects.create(queue=queue, strikes=3, opened_at=Now(), retry_at=later)

    assert not lanes.deliver(entry.pk)

    entry.refresh_from_db()
    assert (entry.state, entry.detail, entry.attempts) == ("waiting", "breaker_open", 0)


def test_a_wake_up_of_a_held_back_decision_says_so_while_starts_take_all_the_threads_they_may(
    alice: User, queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "_starts", threading.BoundedSemaphore(1))
    (entry,) = approve(alice)
    later = Now() + timedelta(minutes=1)
    Breaker.objects.create(queue=queue, strikes=3, opened_at=Now(), retry_at=later)

    with lanes._starts:
        assert not lanes.deliver_by_wake_up(entry.pk)

    entry.refresh_from_db()
    assert (entry.state, entry.detail, entry.attempts) == ("waiting", "breaker_open", 0)


def test_the_log_lines_of_an_attempt_name_the_review_and_never_its_token(
    alice: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    review = factories.review(taskToken="token-000111222333")

    def fail(*_: object) -> Answer:
        raise RuntimeError("a bug")

    monkeypatch.setattr(stepfunctions, "send_task_success", fail)
    request = DecisionRequest(undo_seconds=0)
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice), request=request)

    with pytest.raises(RuntimeError):
        lanes.deliver(OutboxEntry.objects.get().pk)

    assert str(review.pk) in caplog.text
    assert "token-000111222333" not in caplog.text


def test_a_decision_is_delivered_while_starts_take_all_the_threads_they_may(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "_starts", threading.BoundedSemaphore(1))
    start = factories.outbox_entry(
        OutboxEntry.Kind.START, alice.pk, b"{}", not_before=database_time.now()
    )
    callback = approve(alice)[-1]

    with lanes._starts:
        assert not lanes.deliver_by_wake_up(start.pk)
        assert lanes.deliver_by_wake_up(callback.pk)

    start.refresh_from_db()
    assert (start.state, start.attempts) == (OutboxEntry.State.WAITING, 0)
