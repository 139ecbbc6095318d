"""The rows of a batch: its orders with what will start them, what carries many, and what was refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from approvals.actors import Actor
from approvals.models import BatchExecution, OrderBatch, OrderExecution, OutboxEntry, RefusedRow
from approvals.models.choices import Surface
from approvals.records import audit, execution_names, orders, outbox
from approvals.records.audit_kinds import AuditKind

BATCHED = OrderExecution.Status.BATCHED
CONFLICT = "An order of this id was started with other content."


@dataclass(frozen=True)
class Item:
    """An order of a batch as it is to be started: which row it is, and its one spelling."""

    item: int
    line: int
    order_id: str
    name: str
    text: str
    alone: bool = False  # too large to be carried with others


@dataclass(frozen=True)
class Refusal:
    """A row that is no order, or not this one."""

    item: int
    line: int
    code: str
    reason: str
    order_id: str = ""


def insert(batch: OrderBatch, items: Sequence[Item]) -> tuple[list[OrderExecution], list[Refusal]]:
    """The orders that are new, written with what will start them, and the refusals of those that are not."""
    carried = batch.mode != OrderBatch.Mode.EXECUTIONS
    rows = {item.item: _row(batch, item, carried=carried and not item.alone) for item in items}
    carrier = _carrier(batch) if any(row.status == BATCHED for row in rows.values()) else None
    for row in rows.values():
        row.carried_by = carrier if row.status == BATCHED else None
    OrderExecution.objects.bulk_create(
        sorted(rows.values(), key=lambda row: row.order_id), ignore_conflicts=True
    )
    there = {row.order_id: row for row in _there(batch, items)}
    fresh = [row for row in rows.values() if there[row.order_id].pk == row.pk]
    conflicts = [
        Refusal(item.item, item.line, "order_conflict", CONFLICT, item.order_id)
        for item in items
        if bytes(there[item.order_id].input_sha256) != rows[item.item].input_sha256
    ]
    _start(batch, fresh, carrier)
    audit.open_chains({audit.chain(row): _accepted(batch, row) for row in fresh})
    return fresh, conflicts


def _there(batch: OrderBatch, items: Iterable[Item]) -> Iterable[OrderExecution]:
    """Every order of these ids, whoever wrote it."""
    found = OrderExecution.objects.filter(
        state_machine_arn=batch.state_machine_arn,
        order_id__in=[item.order_id for item in items],
        attempt=1,
    )
    return found.only("pk", "order_id", "input_sha256")


def _row(batch: OrderBatch, item: Item, *, carried: bool) -> OrderExecution:
    return OrderExecution(
        state_machine_arn=batch.state_machine_arn,
        qualifier=batch.qualifier,
        order_id=item.order_id,
        name=item.name,
        input=item.text,
        input_sha256=hashlib.sha256(item.text.encode()).digest(),
        status=OrderExecution.Status.BATCHED if carried else OrderExecution.Status.PENDING,
        batch=batch,
        batch_item=item.item,
        created_by_id=batch.created_by_id,
    )


def _carrier(batch: OrderBatch) -> BatchExecution:
    """The execution that is to carry these orders: of a map, all that are read until it is handed over."""
    number = batch.carriers + 1
    known = {"name": execution_names.of_batch(batch.pk, number), "input_sha256": b"", "orders": 0}
    carrier, _ = BatchExecution.objects.get_or_create(batch=batch, number=number, defaults=known)
    return carrier


def _start(
    batch: OrderBatch, fresh: Sequence[OrderExecution], carrier: BatchExecution | None
) -> None:
    """Enqueue what starts these orders: each its own, and one for all that are carried."""
    alone = {row.pk: row.input.encode() for row in fresh if row.status == row.Status.PENDING}
    outbox.enqueue_many(OutboxEntry.Kind.START, alone)
    if carrier is None or batch.mode == OrderBatch.Mode.MAP:
        return
    carried = [row for row in fresh if row.status == BATCHED]
    if not carried:  # all of them came before
        carrier.delete()
        return
    text = payload(batch, carrier.number, carried)
    carrier.orders, carrier.input_sha256 = len(carried), hashlib.sha256(text).digest()
    carrier.save()
    batch.carriers = carrier.number
    outbox.enqueue_many(OutboxEntry.Kind.START_BATCH, {carrier.pk: text})


def payload(batch: OrderBatch, number: int, rows: Iterable[OrderExecution]) -> bytes:
    """The input of an execution that carries these orders.

    Each order travels as the text of its own execution's input: Step Functions would otherwise spell
    it anew, and an execution started from within would not be the same as one started by us.
    """
    orders = [carried(row) for row in rows]
    document = {"batch": str(batch.pk), "number": number, "orders": orders}
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def carried(row: OrderExecution) -> dict[str, Any]:
    """An order as an execution that carries many has it."""
    return {"item": row.batch_item, "name": row.name, "input": row.input}


def _accepted(batch: OrderBatch, row: OrderExecution) -> audit.Entry:
    data = orders.accepted(row) | {"batch": str(batch.pk), "item": row.batch_item}
    by = Actor(batch.created_by, Surface.SYSTEM)
    return audit.Entry(AuditKind.ORDER_ACCEPTED, by, data)


def refuse(batch: OrderBatch, refusals: Iterable[Refusal]) -> None:
    """Write rows that became no order, with their reasons."""
    RefusedRow.objects.bulk_create(_refused_row(batch, one) for one in refusals)


def _refused_row(batch: OrderBatch, one: Refusal) -> RefusedRow:
    return RefusedRow(
        batch=batch,
        line=one.line,
        item=one.item,
        order_id=one.order_id[:256],
        code=one.code[:30],
        reason=one.reason[:300],
    )
