"""Taking a decision back: who may, until when, and who wins against the dispatcher."""

from __future__ import annotations

import random
import time
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db.models.functions import Now

from approvals.actions import decisions, intake, queues
from approvals.actions.decisions import DecisionRequest
from approvals.actors import COMMAND_LINE
from approvals.exceptions import NotAllowed, NotFound, UndoClosed
from approvals.models import Decision, OutboxEntry, ReviewQueue, ReviewTask, User, Vote
from approvals.models.choices import Outcome
from approvals.records import audit, audit_verification, outbox
from tests import factories
from tests.factories import actor
from tests.races import round_by_round, while_another_commits

pytestmark = pytest.mark.django_db


def decided(
    by: User, outcome: str = "approved", review: ReviewTask | None = None, **fields: Any
) -> Decision:
    review = review or factories.review()
    request = DecisionRequest(**fields)
    return decisions.decide(review.pk, Outcome(outcome), by=actor(by), request=request).decision


def window_of(decision: Decision) -> float:
    return (decision.undo_until - decision.decided_at).total_seconds()


def test_who_decided_takes_it_back_and_the_review_is_open_again(alice: User) -> None:
    decision = decided(alice)

    review = decisions.undo(decision.pk, by=actor(alice))

    assert (review.status, review.decision, review.version) == ("pending", None, 3)
    assert OutboxEntry.objects.get().delivery == ("undone", "undone")
    assert Vote.objects.get().withdrawn_at is not None
    assert Decision.objects.get().undone_at is not None
    assert audit_verification.verify(audit.chain_of("review", review.pk)) == []


def test_another_reviewer_may_not_undo_but_a_lead_may(
    alice: User, bob: User, lena: User, carol: User
) -> None:
    decision = decided(alice)

    with pytest.raises(NotAllowed):
        decisions.undo(decision.pk, by=actor(bob))
    with pytest.raises(NotFound):
        decisions.undo(decision.pk, by=actor(carol))
    assert decisions.undo(decision.pk, by=actor(lena)).status == "pending"


def test_an_undo_of_nothing_finds_nothing(alice: User) -> None:
    with pytest.raises(NotFound):
        decisions.undo(uuid4(), by=actor(alice))


def test_once_an_attempt_has_begun_it_is_too_late(alice: User) -> None:
    decision = decided(alice, undo_seconds=0)
    outbox.lease(OutboxEntry.objects.get().pk)

    with pytest.raises(UndoClosed):
        decisions.undo(decision.pk, by=actor(alice))

    assert ReviewTask.objects.get().status == "approved"


@pytest.mark.django_db(transaction=True)
def test_a_sender_who_leases_the_decision_while_an_undo_reads_it_is_first(alice: User) -> None:
    decision = decided(alice, undo_seconds=0)
    leases = (
        "UPDATE approvals_outboxentry SET state = 'sending', attempts = 1,"
        " lease_until = now() + interval '1 minute' WHERE subject = %s"
    )

    refused = while_another_commits(
        leases, [decision.pk], lambda: decisions.undo(decision.pk, by=actor(alice))
    )

    assert isinstance(refused, UndoClosed)
    review = ReviewTask.objects.get()
    assert (review.status, review.decision) == ("approved", decision)
    assert Vote.objects.get().withdrawn_at is None


def test_a_retry_that_waits_can_no_longer_be_undone(alice: User) -> None:
    decision = decided(alice)
    OutboxEntry.objects.update(attempts=1)

    with pytest.raises(UndoClosed):
        decisions.undo(decision.pk, by=actor(alice))


def test_undoing_twice_is_refused(alice: User) -> None:
    decision = decided(alice)
    decisions.undo(decision.pk, by=actor(alice))

    with pytest.raises(UndoClosed):
        decisions.undo(decision.pk, by=actor(alice))


def test_after_an_undo_the_other_answer_can_be_given_and_only_that_one_leaves(alice: User) -> None:
    first = decided(alice)
    review = decisions.undo(first.pk, by=actor(alice))

    second = decided(alice, "rejected", review)

    assert ReviewTask.objects.get().decision == second
    assert Vote.objects.filter(withdrawn_at=None).get().outcome == "rejected"
    open_entries = OutboxEntry.objects.exclude(state="cancelled")
    assert [entry.subject for entry in open_entries] == [second.pk]
    with pytest.raises(UndoClosed):
        decisions.undo(first.pk, by=actor(alice))


@pytest.mark.parametrize(
    ("asked", "of_queue", "left", "window"),
    [
        (None, 10, 3600, 10),
        (5, 10, 3600, 5),
        (500, 10, 3600, 10),
        (0, 10, 3600, 0),
        (-7, 10, 3600, 0),
        (None, 3600, 400, pytest.approx(99, abs=1)),
        (None, 3600, 59, 0),
    ],
)
def test_the_undo_window_is_the_least_of_what_applies(
    asked: int | None, of_queue: int, left: int, window: Any, alice: User
) -> None:
    queues.save("manual-review", {"undo_seconds": of_queue}, by=COMMAND_LINE)
    review = factories.review()
    ReviewTask.objects.update(deadline_at=Now() + timedelta(seconds=left))

    assert window_of(decided(alice, review=review, undo_seconds=asked)) == window


@pytest.mark.parametrize("left", [59.9, 60.9])
def test_with_less_than_a_minute_before_the_deadline_a_decision_leaves_at_once(
    left: float, alice: User
) -> None:
    queues.save("manual-review", {"undo_seconds": 3600}, by=COMMAND_LINE)
    review = factories.review()
    ReviewTask.objects.update(deadline_at=Now() + timedelta(seconds=left))

    decision = decided(alice, review=review)

    review.refresh_from_db()
    had_a_minute = review.deadline_at - decision.decided_at >= timedelta(minutes=1)
    assert window_of(decision) == (15 if had_a_minute else 0)


@pytest.mark.parametrize(("seconds", "shown"), [(1, "undo_window"), (0, "queued")])
def test_a_window_of_one_second_is_shown_and_none_is_not(
    seconds: int, shown: str, alice: User
) -> None:
    decided(alice, undo_seconds=seconds)

    assert OutboxEntry.objects.get().delivery == ("waiting", shown)


def seconds_of_undo(decision: Decision, by: User) -> float:
    began = time.monotonic()
    decisions.undo(decision.pk, by=actor(by))
    return time.monotonic() - began


@pytest.mark.campaign
@pytest.mark.django_db(transaction=True)
def test_between_undo_and_dispatcher_exactly_one_wins_in_two_hundred_rounds(alice: User) -> None:
    intake.accept(ReviewQueue.objects.get(), [factories.received() for _ in range(203)])
    made = [decided(alice, review=each, undo_seconds=0) for each in ReviewTask.objects.all()]
    entries = {entry.subject: entry.pk for entry in OutboxEntry.objects.all()}
    chance = random.Random(7)
    an_undo = min(seconds_of_undo(made.pop(), alice) for _ in range(3))

    def lease(decision: Decision) -> Any:
        time.sleep(chance.uniform(0, 1.5 * an_undo))  # an undo has more to do before the two meet
        return outbox.lease(entries[decision.pk])

    rounds = round_by_round(
        [partial(decisions.undo, each.pk, by=actor(alice)) for each in made],
        [partial(lease, each) for each in made],
    )

    assert len(rounds) == 200
    for undone, leased in rounds:
        assert isinstance(undone, UndoClosed) == (leased is not None)
    states = set(OutboxEntry.objects.values_list("state", "attempts"))
    assert states <= {("cancelled", 0), ("sending", 1)}
    assert len(states) == 2, "one side won every round: the race was not one"
