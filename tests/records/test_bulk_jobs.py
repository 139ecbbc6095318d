"""The rows of bulk decisions: whose they are, the key of each review, and what its events say."""

from __future__ import annotations

import pytest

from approvals import bulk
from approvals.actions import decisions
from approvals.models import BulkItem, ReviewQueue, User
from approvals.models.choices import Outcome
from approvals.records import bulk_jobs
from approvals.records.bulk_jobs import Result
from tests import factories
from tests.bulk import begun
from tests.factories import actor

pytestmark = pytest.mark.django_db


def test_its_reviews_are_decided_in_the_name_of_who_began_it(
    queue: ReviewQueue, alice: User
) -> None:
    job = begun([factories.review(queue)], alice)

    assert bulk_jobs.decider(job) == actor(alice)
    with pytest.raises(TypeError):
        bulk_jobs.undoer(job)


def test_each_review_has_a_key_of_its_own_that_stays_the_same(
    queue: ReviewQueue, alice: User
) -> None:
    job = begun([factories.review(queue) for _ in range(2)], alice)
    first, second = job.items.order_by("number")

    assert bulk_jobs.key_of(first) == bulk_jobs.key_of(BulkItem.objects.get(pk=first.pk))
    assert bulk_jobs.key_of(first) != bulk_jobs.key_of(second)


def test_the_events_of_a_review_tell_what_this_bulk_decision_did(
    queue: ReviewQueue, alice: User, bob: User
) -> None:
    rows = [factories.review(queue) for _ in range(2)]
    job = begun(rows, alice)
    decisions.decide(rows[0].pk, Outcome.APPROVED, by=actor(bob))
    bulk.run(job.pk)
    by_hand, by_bulk = job.items.order_by("number")

    assert bulk_jobs.recorded(by_hand) == Result(BulkItem.State.CANCELLED)
    assert bulk_jobs.recorded(by_bulk) == Result(BulkItem.State.DECIDED, decision=by_bulk.decision)
