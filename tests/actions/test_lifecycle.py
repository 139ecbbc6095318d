"""What happens when the time runs out: only what is proved, and what the queue's rule says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from approvals.actions import assignment, queues
from approvals.actors import COMMAND_LINE
from approvals.models import AuditEvent, Decision, ReviewQueue, ReviewTask, User, Vote
from approvals.records import audit
from approvals.worker import periodic
from tests import factories
from tests.factories import actor
from tests.fake_aws import FakeAws
from tests.waiting_reviews import deliver, move_deadline, token_of

pytestmark = pytest.mark.django_db(transaction=True)
Waiting = Callable[..., ReviewTask]


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
    assert audit.verify(audit.chain_of("review", review.pk)) == []


def test_a_short_time_keeps_three_quarters_for_people(held: ReviewQueue) -> None:
    queues.save(held.slug, {"at_deadline": "reject"}, by=COMMAND_LINE)
    review = factories.review(held, timeoutSeconds=40)
    move_deadline(review, seconds=12, window=40)
    assert periodic.decide_at_deadlines() == 0
    move_deadline(review, seconds=9, window=40)
    assert periodic.decide_at_deadlines() == 1


def test_a_default_deadline_and_one_that_has_passed_are_left_alone(held: ReviewQueue) -> None:
    queues.save(held.slug, {"at_deadline": "approve"}, by=COMMAND_LINE)
    guessed = factories.review(held, timeoutSeconds=None)
    late = factories.review(held)
    move_deadline(guessed, seconds=20)
    move_deadline(late, seconds=-1)
    assert periodic.decide_at_deadlines() == 0
    assert set(ReviewTask.objects.values_list("status", flat=True)) == {"pending"}


def test_a_queue_that_leaves_its_reviews_leaves_them(held: ReviewQueue) -> None:
    move_deadline(factories.review(held), seconds=20)
    assert periodic.decide_at_deadlines() == 0


def test_without_an_execution_a_heartbeat_proves_the_end_where_the_queue_allows_it(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting
) -> None:
    review = waiting()
    ReviewTask.objects.filter(pk=review.pk).update(execution_arn="")
    move_deadline(review, seconds=-1)
    token = aws.tasks()[-1]["token"]
    assert periodic.Prober().turn() == 0
    queues.save(held.slug, {"probe_with_heartbeats": True}, by=COMMAND_LINE)
    prober = periodic.Prober()
    assert prober.turn() == 1
    review.refresh_from_db()
    assert review.status == "pending"  # AWS still waits, whatever our clock says
    aws.expire(token)
    assert prober.turn() == 0  # not again within a minute
    assert periodic.Prober().turn() == 1
    review.refresh_from_db()
    assert review.status == "expired"


def test_a_claim_that_ran_out_is_written_down_and_makes_nothing_stale(
    held: ReviewQueue, ada: User
) -> None:
    review = assignment.claim(factories.review(held).pk, by=actor(ada))
    assert periodic.end_leases() == 0
    ReviewTask.objects.filter(pk=review.pk).update(lease_expires_at=review.sent_at)
    assert periodic.end_leases() == 1
    before = review.version
    review.refresh_from_db()
    assert (review.assignee, review.lease_id, review.version) == (None, None, before)
    assert AuditEvent.objects.get(kind="review.lease_ended").data == {"held_by": ada.email}
