"""Batch executions: what they report of an order is recorded once, and an unreported order goes on alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals import arns
from approvals.actions import batch_executions, interventions
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.models import (
    AuditEvent,
    BatchExecution,
    ExecutionSnapshot,
    OrderExecution,
    OutboxEntry,
)
from approvals.records import audit, execution_snapshots
from tests.order_batches import accepted, ended, order, output, read
from tests.starts import MACHINE, Starts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starts")]


def test_an_end_is_read_once_however_often_it_is_reported() -> None:
    read(accepted([order(1), order(2)], "batches"))
    lanes.drain("executions")
    execution = BatchExecution.objects.get()
    text = output([1], _2=arns.execution_arn(MACHINE, "order-A-2"))
    ended(execution, text)
    before = AuditEvent.objects.count()

    ended(execution, text)
    batch_executions.record_outcomes(execution.pk, [batch_executions.Outcome(2)])

    assert AuditEvent.objects.count() == before
    assert OrderExecution.objects.get(order_id="A-2").status == "running"


def test_an_order_that_was_held_in_a_batch_is_watched_as_an_execution_that_exists() -> None:
    read(accepted([order(1), order(2)], "batches"))
    lanes.drain("executions")
    arn = arns.execution_arn(MACHINE, "order-A-2")

    outcomes = [batch_executions.Outcome(1), batch_executions.Outcome(2, arn=arn)]
    batch_executions.record_outcomes(BatchExecution.objects.get().pk, outcomes)

    watched = ExecutionSnapshot.objects.get(execution_arn=arn)
    assert watched.proved
    wait = watched.due_at - OrderExecution.objects.get(order_id="A-2").started_at
    assert timedelta() < wait <= execution_snapshots.WITHOUT_NEWS


def test_a_released_order_is_stopped_where_it_may_run_already(starts: Starts) -> None:
    read(accepted([order(1)], "batches"))
    lanes.drain("executions")
    assert ended(BatchExecution.objects.get(), "{}", "failed")

    row = interventions.stop("A-1", "Cancelled.", by=COMMAND_LINE)

    # Its start goes on, and finds what the batch execution may have started.
    assert row.status == "pending"
    assert OutboxEntry.objects.get(kind="start", subject=row.pk).state == "waiting"
    assert OutboxEntry.objects.filter(kind="stop").exists()


def test_an_execution_has_not_ended_while_an_order_of_it_is_unreported() -> None:
    read(accepted([order(1), order(2)], "batches"))
    lanes.drain("executions")
    execution = BatchExecution.objects.get()
    assert batch_executions.record_outcomes(execution.pk, [batch_executions.Outcome(1)]) == 1

    assert not batch_executions.end(execution.pk, "succeeded")
    assert batch_executions.release(execution.pk, {}) == 1
    assert batch_executions.end(execution.pk, "succeeded")

    assert not batch_executions.end(execution.pk, "succeeded"), "its end is recorded once"
    batch_executions.note_progress(execution.pk, 1)
    execution.refresh_from_db()
    assert (execution.status, execution.items_done) == ("succeeded", 2)


def test_what_one_execution_reports_changes_no_other() -> None:
    for number in (1, 2):
        read(accepted([order(number)], "batches"))
    lanes.drain("executions")
    one, other = BatchExecution.objects.order_by("pk")

    batch_executions.note_progress(one.pk, 1)
    one.refresh_from_db()
    assert (one.items_done, one.items_asked_at is None) == (1, False)
    batch_executions.record_outcomes(one.pk, [batch_executions.Outcome(1)])
    assert batch_executions.end(one.pk, "succeeded")

    other.refresh_from_db()
    assert (other.status, other.items_done, other.learned) == ("running", 0, False)
    assert OrderExecution.objects.get(order_id="A-2").status == "batched"


def test_an_order_is_released_with_the_reason_that_is_known_of_it() -> None:
    for numbers in ((1, 2), (3,)):
        read(accepted([order(number) for number in numbers], "batches"))
    lanes.drain("executions")
    execution, other = BatchExecution.objects.order_by("pk")

    assert batch_executions.release(execution.pk, {2: "Its child failed."}) == 2

    def why(order_id: str) -> str:
        chain = audit.chain(OrderExecution.objects.get(order_id=order_id))
        return str(AuditEvent.objects.get(kind="order.released", chain=chain).data["why"])

    assert why("A-1") == f"{execution.name} has not reported it"
    assert why("A-2") == "Its child failed."
    assert OrderExecution.objects.get(carried_by=other).status == "batched"


def test_the_end_of_an_execution_is_in_its_trail() -> None:
    read(accepted([order(1)], "batches"))
    lanes.drain("executions")
    execution = BatchExecution.objects.get()

    assert ended(execution, output([1]))

    kinds = AuditEvent.objects.filter(chain=audit.chain(execution)).order_by("seq")
    last = list(kinds)[-1]
    assert (last.kind, last.data["status"]) == ("batch.execution_ended", "succeeded")
