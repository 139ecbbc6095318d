"""Deciding at the deadline: shortly before AWS stops waiting, a queue's rule decides in the place of people."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from approvals.actions import assignment, decisions, queues
from approvals.actors import COMMAND_LINE
from approvals.models import (
    AuditEvent,
    Decision,
    OutboxEntry,
    ReviewQueue,
    ReviewTask,
    User,
    Vote,
)
from approvals.models.choices import Outcome
from approvals.records import audit, audit_verification
from approvals.worker import periodic
from tests import factories
from tests.factories import actor
from tests.fake_aws import FakeAws
from tests.waiting_reviews import deliver, move_deadline, token_of

pytestmark = pytest.mark.django_db

Waiting = Callable[..., ReviewTask]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("rule", "outcome"), [("reject", "rejected"), ("approve", "approved")])
def test_one_margin_before_the_deadline_the_queue_decides_by_its_rule(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, ada: User, rule: str, outcome: str
) -> None:
    queues.save(held.slug, {"at_deadline": rule}, by=COMMAND_LINE)
    review = waiting()
    assignment.claim(review.pk, by=actor(ada))  # nobody's claim holds it up
    move_deadline(review, seconds=61)
    assert periodic.decide_at_deadlines() == 0
    move_deadline(review, seconds=59)
    assert periodic.decide_at_deadlines() == 1
    assert periodic.decide_at_deadlines() == 0
    review.refresh_from_db()
    assert (review.status, review.assignee) == (outcome, None)
    decision = Decision.objects.get()
    assert (decision.by, decision.surface) == (None, "system")
    assert not Vote.objects.exists()
    assert deliver(review).delivery == ("delivered", "acknowledged")
    assert aws.log.winner(token_of(aws, review)) == str(decision.pk)
    event = AuditEvent.objects.get(kind=f"review.{outcome}")
    assert (event.actor, event.actor_name) == (None, "system")
    assert audit_verification.verify(audit.chain_of("review", review.pk)) == []


def test_a_short_time_keeps_three_quarters_for_people(queue: ReviewQueue) -> None:
    queues.save(queue.slug, {"at_deadline": "reject"}, by=COMMAND_LINE)
    review = factories.review(queue, timeoutSeconds=40)
    move_deadline(review, seconds=12, window=40)
    assert periodic.decide_at_deadlines() == 0
    assert decisions.decide_at_deadline(review.pk) is None
    move_deadline(review, seconds=9, window=40)
    assert periodic.decide_at_deadlines() == 1
    decision = Decision.objects.get()
    entry = OutboxEntry.objects.get(subject=decision.pk)
    assert entry.not_before == decision.decided_at, "there is no time to undo it"


def test_a_default_deadline_and_one_that_has_passed_are_left_alone(queue: ReviewQueue) -> None:
    queues.save(queue.slug, {"at_deadline": "approve"}, by=COMMAND_LINE)
    guessed = factories.review(queue, timeoutSeconds=None)
    late = factories.review(queue)
    move_deadline(guessed, seconds=20)
    move_deadline(late, seconds=-1)
    assert periodic.decide_at_deadlines() == 0
    # Nor when the deadline passes after it was looked for.
    assert decisions.decide_at_deadline(guessed.pk) is None
    assert decisions.decide_at_deadline(late.pk) is None
    assert set(ReviewTask.objects.values_list("status", flat=True)) == {"pending"}


def test_a_queue_that_leaves_its_reviews_leaves_them(queue: ReviewQueue) -> None:
    review = factories.review(queue)
    move_deadline(review, seconds=20)
    assert periodic.decide_at_deadlines() == 0
    # Nor when the rule is taken away after the review was looked for.
    assert decisions.decide_at_deadline(review.pk) is None
    assert ReviewTask.objects.get().status == "pending"


@pytest.mark.parametrize(("rule", "outcome"), [("reject", "approved"), ("approve", "rejected")])
def test_what_a_person_decides_just_before_the_rule_would_stays_as_it_is(
    queue: ReviewQueue, alice: User, rule: str, outcome: str
) -> None:
    queues.save(queue.slug, {"at_deadline": rule}, by=COMMAND_LINE)
    review = factories.review(queue)
    move_deadline(review, seconds=20)
    decisions.decide(review.pk, Outcome(outcome), by=actor(alice))

    assert decisions.decide_at_deadline(review.pk) is None

    assert ReviewTask.objects.get().status == outcome
    assert Decision.objects.get().by == alice
