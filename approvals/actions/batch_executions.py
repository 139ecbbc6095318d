"""Batch executions: the outcomes they report of their orders, and orders that they did not report.

An order that its batch execution does not report gets an execution of its own. Name, input and the keys
of the ledger are the same, so nothing is done for it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from approvals.actors import SYSTEM
from approvals.models import BatchExecution, OrderExecution, OutboxEntry
from approvals.records import audit, batch_executions, database_time, execution_snapshots, outbox
from approvals.records.audit_kinds import AuditKind
from approvals.records.unit_of_work import UnitOfWork

AT_ONCE = 500
Status = OrderExecution.Status


@dataclass(frozen=True)
class Outcome:
    """The outcome of one order: settled, or held for an error and started as the execution `arn`."""

    item: int
    arn: str = ""
    held_for: str = ""

    @property
    def settled(self) -> bool:
        """Whether the batch execution itself fulfilled the order."""
        return not self.arn


@transaction.atomic(durable=True)
def record_outcomes(execution_id: UUID, outcomes: Sequence[Outcome]) -> int:
    """Record the outcomes of orders, each once however often it is read; returns how many were new."""
    row = BatchExecution.objects.select_for_update().get(pk=execution_id)
    by_item: dict[int | None, Outcome] = {outcome.item: outcome for outcome in outcomes}
    at = database_time.now()

    def end(order: OrderExecution) -> dict[str, Any]:
        outcome = by_item[order.batch_item]
        if outcome.settled:
            order.status = Status.SETTLED
            return {"batch": str(row.batch_id)}
        order.status, order.execution_arn, order.started_at = Status.RUNNING, outcome.arn, at
        return {"execution_arn": outcome.arn, "held_for": outcome.held_for}

    changed = _change(row, end, items=[outcome.item for outcome in outcomes])
    execution_snapshots.watch(
        {
            o.execution_arn: at + execution_snapshots.WITHOUT_NEWS
            for o in changed
            if o.execution_arn
        },
        proved=True,
    )
    return len(changed)


@transaction.atomic(durable=True)
def release(execution_id: UUID, reasons: Mapping[int, str]) -> int:
    """Start each order that an ended batch execution did not report alone; returns how many, 500 at most.

    `reasons` says why, by the number of an order in its batch, where more is known.
    """
    row = BatchExecution.objects.select_for_update().get(pk=execution_id)
    known: dict[int | None, str] = dict(reasons.items())

    def release_one(order: OrderExecution) -> dict[str, Any]:
        order.status = Status.PENDING
        return {"why": known.get(order.batch_item, f"{row.name} has not reported it")}

    released = _change(row, release_one)
    outbox.enqueue_many(
        OutboxEntry.Kind.START, {order.pk: order.input.encode() for order in released}
    )
    return len(released)


@transaction.atomic(durable=True)
def end(execution_id: UUID, status: str) -> bool:
    """Record the end of an execution with all its outcomes; False if one is missing, or if it is not new."""
    row = BatchExecution.objects.select_for_update().get(pk=execution_id)
    if row.learned or _unreported(row).exists():
        return False
    if row.status in BatchExecution.UNDER_WAY:
        row.status = BatchExecution.Status(status)
    row.learned, row.items_done = True, row.orders
    work = UnitOfWork()
    work.update(row, "status", "learned", "items_done")
    end, kind = audit.end_of(row), AuditKind.BATCH_EXECUTION_ENDED
    batch_executions.record(work, end, row, kind, {"status": row.status})
    work.write()
    return True


def note_progress(execution_id: UUID, items_done: int) -> None:
    """Record how many items a Distributed Map has done, for pages; nothing depends on it."""
    BatchExecution.objects.filter(pk=execution_id, learned=False).update(
        items_done=items_done, items_asked_at=Now()
    )


def _unreported(row: BatchExecution) -> QuerySet[OrderExecution]:
    """Its orders whose outcome is not recorded yet."""
    return OrderExecution.objects.filter(carried_by=row, status=Status.BATCHED)


def _change(
    row: BatchExecution,
    change: Callable[[OrderExecution], dict[str, Any]],
    *,
    items: list[int] | None = None,
) -> list[OrderExecution]:
    """Lock orders without an outcome, apply `change` to each, and record its data on the order's chain."""
    rows = _unreported(row).select_for_update().order_by("batch_item")
    rows = rows[:AT_ONCE] if items is None else rows.filter(batch_item__in=items)
    orders = list(rows)
    kinds = {Status.SETTLED: AuditKind.ORDER_SETTLED, Status.RUNNING: AuditKind.ORDER_STARTED}
    entries = {}
    for order in orders:
        data = change(order)
        kind = kinds.get(Status(order.status), AuditKind.ORDER_RELEASED)
        entries[audit.chain(order)] = audit.Entry(kind, SYSTEM, data)
    OrderExecution.objects.bulk_update(orders, ["status", "execution_arn", "started_at"])
    audit.append(entries)
    return orders
