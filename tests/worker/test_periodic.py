"""What the worker does now and then: what was asked for is done although its wake-up was lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.db.models.functions import Now

from approvals.actions import assignment
from approvals.models import (
    ExecutionSnapshot,
    Heartbeat,
    QueueCheck,
    RateBucket,
    ReviewQueue,
    ReviewTask,
    User,
)
from approvals.polling import checking
from approvals.reconciliation import executions
from approvals.records import rate_limits
from approvals.worker import loop, periodic
from tests import factories
from tests.factories import actor
from tests.fake_aws import FakeAws
from tests.waiting_reviews import token_of

pytestmark = pytest.mark.django_db
Waiting = Callable[..., ReviewTask]


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The queues that AWS was asked about."""
    asked: list[UUID] = []
    monkeypatch.setattr(checking, "check_and_store", asked.append)
    return asked


def ask(queue: ReviewQueue, *, seconds_ago: float, answered: float | None = None) -> None:
    """A person asked about a queue so many seconds ago; AWS answered so many seconds ago, or never."""
    QueueCheck.objects.create(
        queue=queue,
        asked_at=Now() - timedelta(seconds=seconds_ago),
        checked_at=None if answered is None else Now() - timedelta(seconds=answered),
    )


def test_a_queue_whose_check_was_asked_for_is_checked_once_its_wake_up_is_late(
    checked: list[UUID],
) -> None:
    fresh, lost, again, done = (factories.queue(slug) for slug in ("a", "b", "c", "d"))
    ask(fresh, seconds_ago=1)
    ask(lost, seconds_ago=30)
    ask(again, seconds_ago=30, answered=90)
    ask(done, seconds_ago=90, answered=30)

    assert periodic.check_queues() == 2
    assert set(checked) == {lost.pk, again.pk}


def test_a_claim_whose_lease_has_run_out_ends_and_another_stays(alice: User) -> None:
    over, held = factories.review(), factories.review()
    for review in (over, held):
        assignment.claim(review.pk, by=actor(alice))
    ReviewTask.objects.filter(pk=over.pk).update(lease_expires_at=Now() - timedelta(seconds=1))

    assert periodic.end_leases() == 1
    assert ReviewTask.objects.get(pk=over.pk).assignee is None
    assert ReviewTask.objects.get(pk=held.pk).assignee == alice


def test_an_execution_whose_token_a_heartbeat_found_closed_is_asked_about_before_its_time(
    aws: FakeAws, waiting: Waiting
) -> None:
    review, other = waiting("order-1"), waiting("order-2")
    aws.expire(token_of(aws, review), heartbeat=True)
    ExecutionSnapshot.objects.update(due_at=Now() + timedelta(hours=1))
    Heartbeat.objects.create(review=other, due_at=Now())
    Heartbeat.objects.create(review=review, due_at=Now(), closed_at=Now())

    assert periodic.ask_after_executions() == 1
    review.refresh_from_db()
    assert review.status != "pending"
    assert periodic.ask_after_executions() == 0, "its history is known now"


def test_no_more_executions_are_taken_than_the_rate_limit_allows(
    aws: FakeAws, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "LEAST_BURST", 2)
    monkeypatch.setattr(executions, "DESCRIBED_A_MINUTE", 6)
    for number in range(4):
        waiting(f"order-{number}")
    ExecutionSnapshot.objects.update(due_at=Now() - timedelta(seconds=1), routine=True, proved=True)
    urgent = ExecutionSnapshot.objects.order_by("-pk")[0]
    ExecutionSnapshot.objects.filter(pk=urgent.pk).update(routine=False)

    assert periodic.ask_after_executions() == 2

    taken = ExecutionSnapshot.objects.filter(asked__gt=0)
    left = ExecutionSnapshot.objects.filter(asked=0, due_at__lte=Now(), routine=True)
    assert (taken.filter(pk=urgent.pk).count(), taken.count(), left.count()) == (1, 2, 2)
    assert set(taken.filter(due_at__gt=Now()).values_list("routine", flat=True)) == {True}


def test_rate_buckets_that_have_long_been_full_are_deleted() -> None:
    for name, hours in (("old", 24 * 30), ("new", 0)):
        RateBucket.objects.create(name=name, left=1, filled_at=Now() - timedelta(hours=hours))

    assert periodic.purge() == 1
    assert RateBucket.objects.get().name == "new"


def test_one_pass_of_the_worker_runs_each_periodic_task(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    tasks = {
        name: (lambda name=name: ran.append(name), pause)
        for name, (_, pause) in periodic.TASKS.items()
    }
    monkeypatch.setattr(periodic, "TASKS", tasks)

    loop.sweep_once()

    assert ran == list(tasks)
