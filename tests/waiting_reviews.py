"""An AWS with true tokens and histories, a queue in it, and reviews of executions that wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from approvals.actions import decisions
from approvals.delivery import lanes
from approvals.gateways import aws as gateway
from approvals.models import OutboxEntry, ReviewQueue, ReviewTask, User
from approvals.polling import poller
from approvals.reconciliation import executions
from approvals.records import execution_snapshots
from tests import factories
from tests.fake_aws import FakeAws

AT_ONCE = decisions.DecisionRequest(undo_seconds=0, reason="Seen.")


@pytest.fixture
def aws(settings: Any) -> Iterator[FakeAws]:
    """An account with true tokens and histories; every client of ours talks to it."""
    with FakeAws(seed=7, fsync=False) as account:
        settings.AWS_ENDPOINT_URL = account.endpoint
        gateway.forget()
        yield account
    gateway.forget()


@pytest.fixture
def held(aws: FakeAws) -> ReviewQueue:
    """A review queue of the account."""
    return factories.queue("held", sqs_url=aws.create_queue("held"), region="eu-west-1")


@pytest.fixture
def machine(aws: FakeAws, held: ReviewQueue) -> str:
    """A state machine whose executions wait for a review."""
    return aws.machine(review_queue_url=held.sqs_url, timeout_seconds=3600)


@pytest.fixture
def ada(held: ReviewQueue) -> User:
    """A reviewer of the queue."""
    return factories.user("ada@example.com", "reviewer", held)


@pytest.fixture
def waiting(aws: FakeAws, held: ReviewQueue, machine: str) -> Callable[..., ReviewTask]:
    """`waiting("order-1")`: the review of a fresh execution of this name."""

    def start(name: str = "order-1") -> ReviewTask:
        arn = aws.start(machine, name, {"order_id": name})
        take_in(held)
        return ReviewTask.objects.get(execution_arn=arn)

    return start


def take_in(queue: ReviewQueue) -> None:
    """Poll until nothing more comes."""
    while poller.poll_once(queue, wait_seconds=0):
        pass


def token_of(aws: FakeAws, review: ReviewTask) -> str:
    """The newest token of the review's execution."""
    return str(aws.tasks(review.execution_arn)[-1]["token"])


def deliver(review: ReviewTask, times: int = 1) -> OutboxEntry:
    """Attempt the delivery of a review's decision, its pauses cut short."""
    entry = OutboxEntry.objects.get(subject=review.decision_id)
    for _ in range(times):
        due_now(entry)
        lanes.deliver(entry.pk)
    entry.refresh_from_db()
    return entry


def due_now(entry: OutboxEntry) -> None:
    """Cut an entry's pause short: by moving the row, not the clock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE approvals_outboxentry SET not_before = now(), lease_until = CASE WHEN"
            " state = 'sending' THEN now() END WHERE id = %s",
            [entry.pk],
        )


def ask_now(review: ReviewTask) -> None:
    """Ask about the review's execution as the sweeper would, now."""
    execution_snapshots.watch({review.execution_arn: review.sent_at})
    execution_snapshots.hurry(review.execution_arn)
    executions.inquire(review.execution_arn)
    review.refresh_from_db()


def move_deadline(review: ReviewTask, *, seconds: float, window: float = 3600) -> None:
    """Put a review's deadline so many seconds from now, `window` seconds after it was sent."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE approvals_reviewtask SET deadline_at = now() + make_interval(secs => %s),"
            " sent_at = now() + make_interval(secs => %s) WHERE id = %s",
            [seconds, seconds - window, review.pk],
        )
