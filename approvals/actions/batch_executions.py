"""Batch executions: what each of their orders came to, and orders they did not report on.

An order that its batch execution does not report on gets an execution of its own: name, input and the
ledger's keys are the same, so nothing is done for it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

AT_ONCE = 500
Status = OrderExecution.Status


@dataclass(frozen=True)
class Outcome:
    """What became of one order of a batch execution: settled, or held for an error and started as `arn`."""

    item: int
    arn: str = ""
    held_for: str = ""

    @property
    def settled(self) -> bool:
        """Whether the batch execution itself fulfilled the order."""
        return not self.arn


@transaction.atomic(durable=True)
def learn(execution_id: UUID, outcomes: Sequence[Outcome]) -> int:
    """Record what orders came to, each once however often it is read; returns how many were new."""
    row = BatchExecution.objects.select_for_update().get(pk=execution_id)
    by_item = {outcome.item: outcome for outcome in outcomes}
    at = database_time.now()

    def end(order: OrderExecution) -> dict[str, Any]:
        outcome = by_item[order.batch_item or 0]
        if outcome.settled:
            order.status = Status.SETTLED
            return {"batch": str(row.batch_id)}
        order.status, order.execution_arn, order.started_at = Status.RUNNING, outcome.arn, at
        return {"execution_arn": outcome.arn, "held_for": outcome.held_for}

    changed = _change(row, end, items=list(by_item))
    execution_snapshots.watch(
        {o.execution_arn: at + execution_snapshots.WITHOUT_NEWS for o in changed if o.execution_arn}
    )
    return len(changed)


@transaction.atomic(durable=True)
def release(execution_id: UUID) -> int:
    """Give each order that an ended execution did not report on one of its own; returns how many, 500 at most."""
    row = BatchExecution.objects.select_for_update().get(pk=execution_id)

    def release_one(order: OrderExecution) -> dict[str, Any]:
        order.status = Status.PENDING
        return {"why": f"{row.name} has told nothing of it"}

    released = _change(row, release_one)
    outbox.enqueue_many(
        OutboxEntry.Kind.START, {order.pk: order.input.encode() for order in released}
    )
    return len(released)


@transaction.atomic(durable=True)
def end(execution_id: UUID, status: str) -> bool:
    """All that an ended execution reported has been recorded; False if that was known already."""
    row = BatchExecution.objects.select_for_update().get(pk=execution_id)
    if row.learned or _unreported(row).exists():
        return False
    if row.status in BatchExecution.UNDER_WAY:
        row.status = BatchExecution.Status(status)
    row.learned, row.items_done = True, row.orders
    row.save()
    batch_executions.record(row, AuditKind.BATCH_EXECUTION_ENDED, {"status": row.status})
    return True


def note_progress(execution_id: UUID, items_done: int) -> None:
    """Keep how many of its items a Distributed Map has done, for pages; decides nothing."""
    BatchExecution.objects.filter(pk=execution_id, learned=False).update(
        items_done=items_done, items_asked_at=Now()
    )


def _unreported(row: BatchExecution) -> QuerySet[OrderExecution]:
    """Its orders that it has not reported on yet."""
    return OrderExecution.objects.filter(carried_by=row, status=Status.BATCHED)


def _change(
    row: BatchExecution,
    change: Callable[[OrderExecution], dict[str, Any]],
    *,
    items: list[int] | None = None,
) -> list[OrderExecution]:
    """Change orders that are not reported on yet, under their locks, and audit each."""
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
