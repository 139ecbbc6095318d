"""Of each periodic task: the row on which its work fails is left out, and the others are worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from django.db.models.functions import Now

from approvals import bulk
from approvals.actions import assignment, decisions, lifecycle
from approvals.models import (
    BatchExecution,
    ConnectionCheck,
    ExecutionHistory,
    Heartbeat,
    QueueCheck,
    ReviewTask,
    User,
    Workflow,
)
from approvals.orchestration.batches import distributed_map, runner
from approvals.polling import checking
from approvals.reconciliation import batch_executions, execution_history, executions
from approvals.records import execution_snapshots, failing_rows, idempotency, retention
from approvals.worker import periodic
from tests import factories
from tests.bulk import begun
from tests.factories import actor
from tests.order_batches import accepted, order, read
from tests.starts import Starts

pytestmark = pytest.mark.django_db
ARN = "arn:aws:states:us-east-1:123456789012:execution:orders:{}"


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """No row of another test pauses."""
    failing_rows.FAILING.clear()
    yield
    failing_rows.FAILING.clear()


def _due_reviews(margin: int, **columns: Any) -> list[Any]:
    """Two reviews whose deadline is in so many seconds; the first comes first in the order of each task."""
    queue = factories.queue(
        at_deadline="reject", probe_with_heartbeats=columns.pop("probed", False)
    )
    reviews = [factories.review(queue, executionArn=None, timeoutSeconds=3600) for _ in range(2)]
    for number, review in enumerate(reviews):
        ReviewTask.objects.filter(pk=review.pk).update(
            sent_at=Now() - timedelta(hours=1),
            deadline_at=Now() + timedelta(seconds=margin + number),
            **columns,
        )
    return [review.pk for review in reviews]


def due_reviews() -> list[Any]:
    return _due_reviews(19)


def overdue_reviews() -> list[Any]:
    return _due_reviews(-9)


def reviews_to_probe() -> list[Any]:
    return _due_reviews(-9, probed=True)


def claimed_reviews() -> list[Any]:
    queue = factories.queue()
    alice = factories.user("alice@example.com", "reviewer", queue)
    reviews = [factories.review(queue) for _ in range(2)]
    for number, review in enumerate(reviews):
        assignment.claim(review.pk, by=actor(alice))
        over = Now() - timedelta(seconds=9 - number)
        ReviewTask.objects.filter(pk=review.pk).update(lease_expires_at=over)
    return [review.pk for review in reviews]


def reviews_with_closed_tokens() -> list[Any]:
    reviews = [factories.review(executionArn=ARN.format(number)) for number in range(2)]
    for review in reviews:
        Heartbeat.objects.create(review=review, due_at=Now(), closed_at=Now())
    return [review.execution_arn for review in reviews]


def bulk_jobs() -> list[Any]:
    queue = factories.queue()
    lead = factories.user("lead@example.com", "lead", queue)
    return [begun([factories.review(queue)], lead, reason="They called.").pk for _ in range(2)]


def checks() -> list[Any]:
    queues = [factories.queue(slug) for slug in ("a", "b")]
    for queue in queues:
        QueueCheck.objects.create(queue=queue, asked_at=Now() - timedelta(minutes=1))
    return [queue.pk for queue in queues]


def unsaved_checks() -> list[Any]:
    asked = Now() - timedelta(minutes=1)
    people = [User.objects.create(email=f"{name}@example.com") for name in ("a", "b")]
    return [
        ConnectionCheck.objects.create(asked_by=each, settings={}, asked_at=asked).pk
        for each in people
    ]


def workflows() -> list[Any]:
    return [Workflow.objects.create(digest=bytes([n]), definition="{}").pk for n in range(2)]


def histories() -> list[Any]:
    arns = [ARN.format(number) for number in range(2)]
    for number, arn in enumerate(arns):
        asked = Now() - timedelta(minutes=9 - number)
        ExecutionHistory.objects.create(execution_arn=arn, asked_at=asked)
    return arns


def batches() -> list[Any]:
    return [accepted([order(number)]).pk for number in (1, 2)]


def _batch_executions(status: str, mode: str) -> list[Any]:
    made = []
    for number in (1, 2):
        batch = read(accepted([order(number)], "batches"))
        type(batch).objects.filter(pk=batch.pk).update(mode=mode)
        BatchExecution.objects.filter(batch=batch).update(status=status)
        made.append(BatchExecution.objects.get(batch=batch).pk)
    return made


def running_maps() -> list[Any]:
    return _batch_executions("running", "map")


def refused_batch_executions() -> list[Any]:
    return _batch_executions("refused", "batches")


Case = tuple[Callable[[], object], Callable[[], list[Any]], ModuleType | type, str]
# By task, and what of it: the task, what makes two rows, and the module and name of the work on one.
CASES: dict[str, Case] = {
    "batches": (periodic.work_on_batches, batches, runner, "Runner.turn"),
    "batches: maps": (periodic.work_on_batches, running_maps, distributed_map, "_ask_progress"),
    "batches: refused": (
        periodic.work_on_batches, refused_batch_executions, batch_executions, "_release_refused",
    ),
    "bulk decisions": (bulk.run_due, bulk_jobs, bulk, "run"),
    "checks": (periodic.check_queues, checks, checking, "check_and_store"),
    "checks: unsaved": (periodic.check_queues, unsaved_checks, checking, "check_unsaved"),
    "deadlines": (periodic.decide_at_deadlines, due_reviews, decisions, "decide_at_deadline"),
    "drawings": (periodic.draw_workflows, workflows, execution_history, "_draw_one"),
    "executions": (periodic.ask_after_executions, reviews_with_closed_tokens, executions, "inquire"),
    "executions: closed tokens": (
        periodic.ask_after_executions, reviews_with_closed_tokens, execution_snapshots, "hurry",
    ),
    "histories": (periodic.read_executions, histories, execution_history, "_read_requested"),
    "leases": (periodic.end_leases, claimed_reviews, assignment, "end_lease"),
    "probes": (periodic.Prober().turn, reviews_to_probe, executions, "probe"),
    "purge": (periodic.purge, lambda: ["sessions", "attempts"], retention.Purge, "_walk"),
    "unproved": (periodic.put_unproved_aside, overdue_reviews, lifecycle, "mark_unproved"),
}  # fmt: skip
# What works on no rows of its own: one statement, or sums that are written anew.
WITHOUT_ROWS = {"report", "rollups"}


@pytest.mark.parametrize("name", CASES)
def test_a_row_whose_work_fails_stops_no_other(
    name: str, monkeypatch: pytest.MonkeyPatch, starts: Starts
) -> None:
    task, make, module, work = CASES[name]
    first, second = make()
    done: list[Any] = []

    def working(*given: Any) -> bool:
        key = getattr(given[0], "batch_id", given[-1])
        if key == first:
            raise ValueError("this row")
        done.append(key)
        return False

    owner, _, attribute = work.rpartition(".")
    monkeypatch.setattr(getattr(module, owner) if owner else module, attribute, working)

    task()
    assert second in done
    task()  # the failed row pauses, and fails nothing again
    assert first not in done


def test_every_periodic_task_is_tried_with_a_failing_row() -> None:
    tried = {name.partition(":")[0] for name in CASES}

    assert tried | WITHOUT_ROWS == periodic.TASKS.keys()
    assert not tried & WITHOUT_ROWS


def test_keys_that_cannot_be_deleted_stop_no_other_purge(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> int:
        raise ValueError("these rows")

    monkeypatch.setattr(idempotency, "purge", broken)
    walked: list[str] = []

    def walk(_purge: retention.Purge, name: str) -> int:
        walked.append(name)
        return 0

    monkeypatch.setattr(retention.Purge, "_walk", walk)

    periodic.purge()

    assert walked == list(retention.RULES)
