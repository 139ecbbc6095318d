"""Which open tokens get a heartbeat, and when: rows of the schedule, without a call to AWS."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from approvals.actions import decisions
from approvals.models import Heartbeat, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.records import heartbeats
from tests import factories
from tests.factories import actor

pytestmark = pytest.mark.django_db


@pytest.fixture
def beaten() -> ReviewQueue:
    """A queue whose workflow gives up a token after a minute without a heartbeat."""
    return factories.queue(heartbeat_seconds=60)


def test_new_open_tokens_are_enrolled_once_and_due_at_once(beaten: ReviewQueue) -> None:
    review = factories.review(beaten)
    factories.review(factories.queue("others"))

    assert heartbeats.queues() == [beaten]
    assert heartbeats.enroll([beaten]) == 1
    assert heartbeats.enroll([beaten]) == 0

    assert [beat.review for beat in heartbeats.claim([beaten], limit=9)] == [review.pk]


def test_an_older_review_is_enrolled_by_a_thorough_look_alone(beaten: ReviewQueue) -> None:
    factories.review(beaten)
    ReviewTask.objects.update(received_at=Now() - timedelta(minutes=5))

    assert heartbeats.enroll([beaten]) == 0
    assert heartbeats.enroll([beaten], thoroughly=True) == 1


def test_a_claimed_token_is_due_again_after_a_third_of_its_time(beaten: ReviewQueue) -> None:
    factories.review(beaten)
    heartbeats.enroll([beaten])

    assert len(heartbeats.claim([beaten], limit=9)) == 1
    assert heartbeats.claim([beaten], limit=9) == []

    assert heartbeats.seconds_until_due() == pytest.approx(20, abs=5)
    Heartbeat.objects.update(due_at=Now())
    assert len(heartbeats.claim([beaten], limit=9)) == 1


def test_a_closed_token_gets_no_more_and_one_that_failed_is_due_in_a_while(
    beaten: ReviewQueue,
) -> None:
    closed, failed = factories.review(beaten), factories.review(beaten)
    heartbeats.enroll([beaten])
    heartbeats.claim([beaten], limit=9)

    heartbeats.record_closed([closed.pk])
    heartbeats.retry_in([failed.pk], seconds=3)

    assert heartbeats.seconds_until_due() == pytest.approx(3, abs=3)
    (load,) = heartbeats.load([beaten])
    assert (load.open_tokens, load.due) == (1, 0)


def test_a_decided_review_is_kept_until_its_callback_is_settled(
    beaten: ReviewQueue, alice: User
) -> None:
    review = factories.review(beaten)
    heartbeats.enroll([beaten])
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))
    assert heartbeats.retire() == 0

    decisions.undo(ReviewTask.objects.get().decision_id, by=actor(alice))
    assert heartbeats.retire() == 0
    ReviewTask.objects.update(status="expired")

    assert heartbeats.retire() == 1
    assert heartbeats.seconds_until_due() is None


def test_a_shorter_time_counts_from_now(beaten: ReviewQueue) -> None:
    factories.review(beaten)
    heartbeats.enroll([beaten])
    heartbeats.claim([beaten], limit=9)
    shorter = factories.queue(beaten.slug, heartbeat_seconds=9)

    assert heartbeats.bring_forward(beaten) == 0
    assert heartbeats.bring_forward(shorter) == 1
    assert heartbeats.seconds_until_due() <= 0


def test_the_token_of_a_machine_that_is_no_longer_admitted_gets_none(beaten: ReviewQueue) -> None:
    review = factories.review(beaten)
    heartbeats.enroll([beaten])

    only = factories.queue(beaten.slug, state_machine_arns=[review.state_machine_arn + "-2"])

    assert heartbeats.claim([only], limit=9) == []
