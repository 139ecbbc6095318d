"""Conclusions by an execution's history: an accepted call comes before what it shows; one transaction each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from approvals.actions import decisions
from approvals.actions.decisions import DecisionRequest
from approvals.delivery import callbacks
from approvals.gateways.errors import Answer, Proof
from approvals.models import OutboxAttempt, OutboxEntry, User
from approvals.models.choices import Outcome
from approvals.reconciliation.callback_evidence import Evidence, Fate
from approvals.records import outbox
from approvals.records.outbox import Lease
from tests import factories
from tests.delivery.test_callbacks import recorded
from tests.factories import actor
from tests.nesting import runs_inside_another_transaction

pytestmark = pytest.mark.django_db
ACCEPTED = Answer(Proof.ACCEPTED, request_id="req-1")
CLOSED = Answer(Proof.CLOSED, "TaskTimedOut")


def two_senders(by: User) -> tuple[Lease, Lease]:
    """A sender whose lease ran out during its call, and the one that leased the entry after it."""
    at_once = DecisionRequest(undo_seconds=0)
    decisions.decide(factories.review().pk, Outcome.APPROVED, by=actor(by), request=at_once)
    entry = OutboxEntry.objects.get()
    slow = outbox.lease(entry.pk)
    OutboxEntry.objects.update(lease_until=Now() - timedelta(seconds=1))
    newer = outbox.lease(entry.pk)
    assert slow is not None
    assert newer is not None
    return slow, newer


def journal() -> list[str]:
    """The results of the attempts, in their order."""
    return list(OutboxAttempt.objects.order_by("number").values_list("result", flat=True))


@pytest.mark.parametrize("fate", [Fate.HISTORY_UNREADABLE, Fate.NOT_NOW, Fate.OPEN])
def test_an_entry_that_was_accepted_meanwhile_stays_delivered_whatever_the_history_shows(
    fate: Fate, alice: User
) -> None:
    slow, newer = two_senders(alice)
    assert callbacks.conclude(newer, CLOSED)
    callbacks.conclude(slow, ACCEPTED)

    callbacks.conclude_by_history(newer, Evidence(fate))

    assert OutboxEntry.objects.get().delivery == ("delivered", "acknowledged")
    assert recorded() == ["callback.delivered"]


@pytest.mark.parametrize("fate", [Fate.HISTORY_UNREADABLE, Fate.NOT_NOW, Fate.OPEN])
def test_an_open_entry_with_an_accepted_attempt_is_settled_whatever_the_history_shows(
    fate: Fate, alice: User
) -> None:
    slow, newer = two_senders(alice)
    assert callbacks.conclude(newer, CLOSED)
    OutboxAttempt.objects.filter(number=slow.number).update(result=OutboxAttempt.Result.ACCEPTED)

    callbacks.conclude_by_history(newer, Evidence(fate))

    assert OutboxEntry.objects.get().delivery == ("delivered", "acknowledged")
    assert recorded() == ["callback.delivered"]


@pytest.mark.parametrize(
    ("fate", "read_before", "delivery"),
    [
        (Fate.NOT_NOW, 6, ("waiting", "retrying")),
        (Fate.OPEN, 5, ("waiting", "retrying")),
        (Fate.UNKNOWN_TASK, 5, ("waiting", "retrying")),
        (Fate.OPEN, 6, ("unconfirmed", "history_unreadable")),
        (Fate.OPEN, 9, ("unconfirmed", "history_unreadable")),
        (Fate.UNKNOWN_TASK, 6, ("unconfirmed", "history_unreadable")),
        (Fate.HISTORY_UNREADABLE, 0, ("unconfirmed", "history_unreadable")),
        (Fate.HISTORY_GONE, 0, ("unconfirmed", "history_gone")),
    ],
)
def test_a_history_is_read_again_for_half_a_minute_where_it_may_show_more(
    fate: Fate, read_before: int, delivery: tuple[str, str], alice: User
) -> None:
    _, lease = two_senders(alice)
    for number in range(read_before):
        OutboxAttempt.objects.create(entry=lease.entry, number=100 + number, result="history")
    callbacks.conclude(lease, CLOSED)

    callbacks.conclude_by_history(lease, Evidence(fate))

    entry = OutboxEntry.objects.get()
    assert entry.delivery == delivery
    kinds = {"waiting": "callback.retrying", "unconfirmed": "callback.unconfirmed"}
    assert recorded() == [kinds[delivery[0]]]
    if entry.state == "waiting":
        pause = entry.not_before - OutboxAttempt.objects.get(number=lease.number).ended_at
        assert 4 < pause.total_seconds() < 6


@pytest.mark.parametrize("late", [Answer(Proof.THROTTLED, "ThrottlingException"), CLOSED])
def test_a_token_is_invalid_only_by_the_last_response(late: Answer, alice: User) -> None:
    slow, newer = two_senders(alice)
    callbacks.conclude(slow, late)

    callbacks.conclude_by_history(newer, Evidence(Fate.HISTORY_UNREADABLE))

    assert OutboxEntry.objects.get().delivery == ("unconfirmed", "history_unreadable")


def test_a_reading_is_journalled_where_no_call_was_answered_and_the_last_answer_counts(
    alice: User,
) -> None:
    slow, newer = two_senders(alice)

    callbacks.conclude_by_history(newer, Evidence(Fate.OPEN))
    callbacks.conclude(slow, Answer(Proof.AMBIGUOUS, "ReadTimeoutError"))
    callbacks.conclude_by_history(slow, Evidence(Fate.OPEN))
    assert journal() == ["ambiguous", "history"]

    callbacks.conclude(slow, ACCEPTED)
    assert journal() == ["accepted", "history"]


@pytest.mark.parametrize("verb", [callbacks.conclude, callbacks.conclude_by_history])
def test_a_conclusion_refuses_to_run_inside_another_transaction(verb: Callable[..., Any]) -> None:
    assert not runs_inside_another_transaction(verb)
