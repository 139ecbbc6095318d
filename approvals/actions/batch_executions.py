"""Executions that carry many orders: started or refused, and what each of their orders came to.

Whatever such an execution does not tell of an order, the order gets an execution of its own: name,
input and the ledger's keys are the same, so nothing is done for it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models.functions import Now

from approvals.models import BatchExecution, OrderExecution, OutboxEntry
from approvals.models.choices import Surface
from approvals.records import audit, database_time, execution_snapshots, outbox

log = structlog.get_logger(__name__)

ASKED_AFTER = timedelta(seconds=5)  # it lasts seconds; its status event may come first
AT_ONCE = 500
Status = OrderExecution.Status


@dataclass(frozen=True)
class Outcome:
    """What became of one carried order: settled, or held for an error and started as `arn`."""

    item: int
    arn: str = ""
    held_for: str = ""

    @property
    def settled(self) -> bool:
        """Whether the order was fulfilled where it was carried."""
        return not self.arn


def record_started(carrier: BatchExecution, arn: str, status: str) -> None:
    """Step Functions has taken it: its ARN is known from an answer. In delivery's transaction."""
    carrier.execution_arn, carrier.started_at = arn, database_time.now()
    carrier.status = BatchExecution.Status.RUNNING  # also if it has ended: its output is to be read
    carrier.save(update_fields=["execution_arn", "started_at", "status"])
    wait = ASKED_AFTER if status == "running" else timedelta(0)
    execution_snapshots.watch({arn: carrier.started_at + wait})
    _tell(carrier, "batch.execution_started", {"execution_arn": arn})


def record_refused(carrier: BatchExecution, why: str) -> None:
    """Step Functions will not take it; its orders are to be released. In delivery's transaction."""
    carrier.status, carrier.refusal = BatchExecution.Status.REFUSED, why[:300]
    carrier.save(update_fields=["status", "refusal"])
    _tell(carrier, "batch.execution_refused", {"why": why[:300]})


@transaction.atomic(durable=True)
def learn(carrier_id: UUID, outcomes: Sequence[Outcome]) -> int:
    """Record what orders came to, each once, whoever reads it how often; returns how many were news."""
    carrier = BatchExecution.objects.select_for_update().get(pk=carrier_id)
    told = {outcome.item: outcome for outcome in outcomes}
    at = database_time.now()

    def end(order: OrderExecution) -> dict[str, Any]:
        outcome = told[order.batch_item or 0]
        if outcome.settled:
            order.status = Status.SETTLED
            return {"batch": str(carrier.batch_id)}
        order.status, order.execution_arn, order.started_at = Status.RUNNING, outcome.arn, at
        return {"execution_arn": outcome.arn, "held_for": outcome.held_for}

    changed = _change(carrier, end, items=list(told))
    execution_snapshots.watch(
        {o.execution_arn: at + execution_snapshots.WITHOUT_NEWS for o in changed if o.execution_arn}
    )
    return len(changed)


@transaction.atomic(durable=True)
def release(carrier_id: UUID) -> int:
    """Give orders of which an ended carrier told nothing an execution each; returns how many, 500 at most."""
    carrier = BatchExecution.objects.select_for_update().get(pk=carrier_id)

    def release_one(order: OrderExecution) -> dict[str, Any]:
        order.status = Status.PENDING
        return {"why": f"{carrier.name} has told nothing of it"}

    released = _change(carrier, release_one)
    outbox.enqueue_many(
        OutboxEntry.Kind.START, {order.pk: order.input.encode() for order in released}
    )
    return len(released)


@transaction.atomic(durable=True)
def end(carrier_id: UUID, status: str) -> bool:
    """All that an ended execution had to tell has been recorded; False where that was known."""
    carrier = BatchExecution.objects.select_for_update().get(pk=carrier_id)
    if carrier.learned or _of(carrier).exists():
        return False
    if carrier.status in BatchExecution.UNDER_WAY:
        carrier.status = BatchExecution.Status(status)
    carrier.learned, carrier.items_done = True, carrier.orders
    carrier.save()
    _tell(carrier, "batch.execution_ended", {"status": carrier.status})
    return True


def note_progress(carrier_id: UUID, items_done: int) -> None:
    """Keep how many of its items a Distributed Map has done, for pages; decides nothing."""
    BatchExecution.objects.filter(pk=carrier_id, learned=False).update(
        items_done=items_done, items_asked_at=Now()
    )


def _of(carrier: BatchExecution) -> Any:
    """Its orders of which nothing is known yet."""
    return OrderExecution.objects.filter(carried_by=carrier, status=Status.BATCHED)


def _change(
    carrier: BatchExecution,
    change: Callable[[OrderExecution], dict[str, Any]],
    *,
    items: list[int] | None = None,
) -> list[OrderExecution]:
    """Change orders that are still carried, under their locks, and write each one's trail."""
    rows = _of(carrier).select_for_update().order_by("batch_item")
    rows = rows[:AT_ONCE] if items is None else rows.filter(batch_item__in=items)
    orders = list(rows)
    kinds = {Status.SETTLED: "order.settled", Status.RUNNING: "order.started"}
    trail = {}
    for order in orders:
        data = change(order)
        kind = kinds.get(Status(order.status), "order.released")
        trail[audit.chain_of("order", order.pk)] = audit.Entry(kind, None, Surface.SYSTEM, data)
    OrderExecution.objects.bulk_update(orders, ["status", "execution_arn", "started_at"])
    audit.append(trail)
    return orders


def _tell(carrier: BatchExecution, kind: str, data: dict[str, Any]) -> None:
    """Written on the carrier's own chain: many end at once, and none waits for the batch's row."""
    known = {"batch": str(carrier.batch_id), "number": carrier.number, "orders": carrier.orders}
    chain = audit.chain_of("batch-execution", carrier.pk)
    audit.record(chain, kind, by=None, surface=Surface.SYSTEM, data=known | data)
    log.info(kind, name=carrier.name, **data)
