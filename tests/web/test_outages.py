"""The banner while AWS refuses a queue's answers: for those who see the queue, with what is due first."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now

from approvals.actions import decisions
from approvals.models import Breaker, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.web.access import Access
from approvals.web.outages import MAX_NEAREST, outages
from tests import factories
from tests.factories import actor

pytestmark = pytest.mark.django_db


@pytest.fixture
def open_breaker(queue: ReviewQueue) -> Breaker:
    """The queue's answers are refused since a moment."""
    return Breaker.objects.create(
        queue=queue, strikes=3, reason="AccessDeniedException", opened_at=Now(), retry_at=Now()
    )


def decided(queue: ReviewQueue, by: User, minutes: int) -> ReviewTask:
    """A review whose decision waits to be sent, due so many minutes after it came."""
    review = factories.review(queue)
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(by))
    deadline = F("sent_at") + timedelta(minutes=minutes)
    ReviewTask.objects.filter(pk=review.pk).update(deadline_at=deadline)
    return review


def test_the_decided_reviews_that_are_due_first_are_named(
    queue: ReviewQueue, alice: User, open_breaker: Breaker
) -> None:
    rows = [decided(queue, alice, minutes) for minutes in (40, 10, 30, 20)]
    factories.review(queue)  # nobody has decided it, so nothing of it waits

    [outage] = outages(Access(actor(alice)))

    assert (outage.queue, outage.reason) == (queue, "AccessDeniedException")
    assert outage.since is not None
    assert list(outage.nearest) == [rows[1], rows[3], rows[2]]
    assert len(outage.nearest) == MAX_NEAREST


def test_only_those_who_see_the_queue_see_its_outage(
    alice: User, carol: User, open_breaker: Breaker
) -> None:
    assert len(outages(Access(actor(alice)))) == 1
    assert outages(Access(actor(carol))) == []


def test_a_breaker_that_has_counted_refusals_and_is_closed_is_no_outage(
    alice: User, open_breaker: Breaker
) -> None:
    Breaker.objects.update(opened_at=None)

    assert outages(Access(actor(alice))) == []
