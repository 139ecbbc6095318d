"""The rows of a batch: its orders, the outbox entries and executions that start them, and refused rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from approvals.actors import Actor
from approvals.models import BatchExecution, OrderBatch, OrderExecution, OutboxEntry, RefusedRow
from approvals.models.choices import Surface
from approvals.records import audit, database_time, execution_names, orders, outbox
from approvals.records.audit_kinds import AuditKind
from approvals.records.order_validation import Former

BATCHED = OrderExecution.Status.BATCHED
CONFLICT = "An order of this id was started with other content."


@dataclass(frozen=True)
class Item:
    """An order of a batch: the number and line of its row, and the canonical input of its execution."""

    item: int
    line: int
    order_id: str
    name: str
    text: str
    alone: bool = False  # too large for a batch execution
    former: Former | None = None  # how an earlier release would have stored it, if otherwise


@dataclass(frozen=True)
class Refusal:
    """A row that is not accepted: it is no valid order, or conflicts with an accepted one."""

    item: int
    line: int
    code: str
    reason: str
    order_id: str = ""


@dataclass(frozen=True)
class Lines:
    """The lines of a source: how many have been read, and how many of them are blank, or continue a row."""

    lines: int = 0
    blank: int = 0
    continuation: int = 0


def insert(batch: OrderBatch, items: Sequence[Item]) -> tuple[list[OrderExecution], list[Refusal]]:
    """Insert orders and what starts them; returns the new orders, and refusals of conflicting ones."""
    items, conflicts = _not_stored_before(batch, items)
    batched = batch.mode != OrderBatch.Mode.EXECUTIONS
    rows = {item.item: _row(batch, item, batched=batched and not item.alone) for item in items}
    execution = (
        _batch_execution(batch) if any(row.status == BATCHED for row in rows.values()) else None
    )
    for row in rows.values():
        row.carried_by = execution if row.status == BATCHED else None
    OrderExecution.objects.bulk_create(
        sorted(rows.values(), key=lambda row: row.order_id), ignore_conflicts=True
    )
    stored = {row.order_id: row for row in _stored(batch, items)}
    fresh = [row for row in rows.values() if stored[row.order_id].pk == row.pk]
    conflicts += [
        _conflict(item)
        for item in items
        if not _is_same(item, bytes(stored[item.order_id].input_sha256), rows[item.item])
    ]
    _start(batch, fresh, execution)
    first_events = {audit.chain(row): _accepted(batch, row) for row in fresh}
    audit.open_chains(first_events, database_time.now())
    return fresh, conflicts


def _not_stored_before(
    batch: OrderBatch, items: Sequence[Item]
) -> tuple[list[Item], list[Refusal]]:
    """The items without those that an earlier release stored under another spelling of their ids.

    Also returns the refusals of those that it stored with other content.
    """
    ids = {each.former.order_id for each in items if each.former}
    if not ids:
        return list(items), []
    stored = {row.order_id: bytes(row.input_sha256) for row in _stored_with(batch, ids)}
    kept, conflicts = [], []
    for item in items:
        spelled = item.former.order_id if item.former else item.order_id
        if item.former is None or spelled == item.order_id or spelled not in stored:
            kept.append(item)
        elif stored[spelled] != item.former.input_sha256:
            conflicts.append(_conflict(item))
    return kept, conflicts


def _conflict(item: Item) -> Refusal:
    return Refusal(item.item, item.line, "order_conflict", CONFLICT, item.order_id)


def _is_same(item: Item, stored: bytes, row: OrderExecution) -> bool:
    return stored == row.input_sha256 or bool(item.former and stored == item.former.input_sha256)


def _stored(batch: OrderBatch, items: Iterable[Item]) -> Iterable[OrderExecution]:
    """The stored orders with the ids of these items, of this batch or not."""
    return _stored_with(batch, [item.order_id for item in items])


def _stored_with(batch: OrderBatch, ids: Iterable[str]) -> Iterable[OrderExecution]:
    found = OrderExecution.objects.filter(
        state_machine_arn=batch.state_machine_arn, order_id__in=list(ids), attempt=1
    )
    return found.only("pk", "order_id", "input_sha256")


def _row(batch: OrderBatch, item: Item, *, batched: bool) -> OrderExecution:
    return OrderExecution(
        state_machine_arn=batch.state_machine_arn,
        qualifier=batch.qualifier,
        order_id=item.order_id,
        name=item.name,
        input=item.text,
        input_sha256=hashlib.sha256(item.text.encode()).digest(),
        status=OrderExecution.Status.BATCHED if batched else OrderExecution.Status.PENDING,
        batch=batch,
        batch_item=item.item,
        created_by_id=batch.created_by_id,
    )


def _batch_execution(batch: OrderBatch) -> BatchExecution:
    """The batch execution for the orders being read; a map collects all orders until it is handed over."""
    number = batch.carriers + 1
    defaults = {
        "name": execution_names.of_batch(batch.pk, number),
        "input_sha256": b"",
        "orders": 0,
    }
    execution, _ = BatchExecution.objects.get_or_create(
        batch=batch, number=number, defaults=defaults
    )
    return execution


def _start(
    batch: OrderBatch, fresh: Sequence[OrderExecution], execution: BatchExecution | None
) -> None:
    """Enqueue the starts of these orders: each alone, or one batch execution for many."""
    alone = {row.pk: row.input.encode() for row in fresh if row.status == row.Status.PENDING}
    outbox.enqueue_many(OutboxEntry.Kind.START, alone)
    if execution is None or batch.mode == OrderBatch.Mode.MAP:
        return
    carried = [row for row in fresh if row.status == BATCHED]
    if not carried:  # all of them were stored before
        execution.delete()
        return
    text = payload(batch, execution.number, carried)
    execution.orders, execution.input_sha256 = len(carried), hashlib.sha256(text).digest()
    execution.save()
    batch.carriers = execution.number
    outbox.enqueue_many(OutboxEntry.Kind.START_BATCH, {execution.pk: text})


def payload(batch: OrderBatch, number: int, rows: Iterable[OrderExecution]) -> bytes:
    """The input of a batch execution with these orders.

    Each order is the text of its own execution's input. As a JSON value, Step Functions could format it
    differently, and an execution that the workflow starts would not equal one that this service starts.
    """
    orders = [batch_entry(row) for row in rows]
    document = {"batch": str(batch.pk), "number": number, "orders": orders}
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def batch_entry(row: OrderExecution) -> dict[str, Any]:
    """An order in the input of a batch execution."""
    return {"item": row.batch_item, "name": row.name, "input": row.input}


def _accepted(batch: OrderBatch, row: OrderExecution) -> audit.Entry:
    data = orders.accepted(row) | {"batch": str(batch.pk), "item": row.batch_item}
    by = Actor(batch.created_by, Surface.SYSTEM)
    return audit.Entry(AuditKind.ORDER_ACCEPTED, by, data)


def refuse(batch: OrderBatch, refusals: Iterable[Refusal]) -> None:
    """Store refused rows with their reasons."""
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
