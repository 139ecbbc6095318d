"""Batches of orders: accepted, read chunk by chunk under a lease, stopped, resumed and finished.

The rows of a chunk and the position after it are written in one transaction: a crash repeats no row
and skips none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from approvals import policy
from approvals.actors import SYSTEM, Actor
from approvals.exceptions import Invalid
from approvals.models import OrderBatch, OrderExecution, OutboxEntry
from approvals.models.order_batches import LONGEST_PROBLEM
from approvals.policy import Action
from approvals.records import audit, database_time, idempotency, order_batches, outbox
from approvals.records.audit import ChainEnd
from approvals.records.audit_kinds import AuditKind
from approvals.records.order_batches import Item, Lines, Refusal
from approvals.records.unit_of_work import UnitOfWork

LEASE = timedelta(seconds=30)  # renewed with every chunk; after a crash nobody reads for so long
Status = OrderBatch.Status
# A stopped batch is open too: the map of the orders that were read may still have to be started.
OPEN = (Status.READING, Status.READ, Status.STOPPED)
BATCHED = OrderExecution.Status.BATCHED
# What changes after a batch was accepted; its epoch changes with its lease alone.
COLUMNS = (
    *("source_version", "bytes", "body", "format", "status", "trouble", "problem", "on_bad_row"),
    *("position", "bytes_read", "accepted", "known", "refused", "carriers"),
    *("lines", "blank_lines", "continuation_lines"),
    *("lease_until", "ended_at"),
)
Event = tuple[AuditKind, dict[str, Any]]


class LeaseLost(Exception):
    """Another process has the lease of this batch now, or the batch has ended."""


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of a batch, read after `bytes_read` bytes of its source.

    `problem` is why nothing may be read after them, `at_end` whether the source has no more rows.
    `lines` are those of the source up to its last row, from the first on.
    """

    items: Sequence[Item] = ()
    refusals: Sequence[Refusal] = ()
    bytes_read: int = 0
    problem: str = ""
    at_end: bool = False
    lines: Lines = field(default_factory=Lines)

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.items) + len(self.refusals)


@dataclass(frozen=True)
class Turn:
    """A lease of a batch, with its fencing epoch."""

    batch: OrderBatch
    epoch: int


@transaction.atomic(durable=True)
def accept(batch: OrderBatch, *, by: Actor, key: idempotency.Key | None = None) -> OrderBatch:
    """Store a batch to be read. Raises NotAllowed."""
    idempotency.keep(key)
    policy.may(Action.START_ORDER, None, by=by).or_raise()
    batch.created_by = by.user
    idempotency.fill(key, batch.pk)
    work = UnitOfWork()
    work.insert(batch)
    data = {
        "source": batch.source,
        "version": batch.source_version,
        "mode": batch.mode,
        "on_bad_row": batch.on_bad_row,
        "size": batch.size,
    }
    _record(work, audit.end_of(batch), AuditKind.BATCH_ACCEPTED, data, by=by)
    work.write()
    return batch


def take(batch_id: UUID, *, seize: bool = False) -> Turn | None:
    """Lease a batch that has not ended; None if another process has the lease, or the batch has ended.

    With `seize` a running lease is taken over; its holder gets LeaseLost from its next call.
    """
    free = Q() if seize else Q(lease_until=None) | Q(lease_until__lte=Now())
    mine = OrderBatch.objects.filter(free, pk=batch_id, status__in=OPEN)
    if not mine.update(lease_until=Now() + LEASE, lease_epoch=F("lease_epoch") + 1):
        return None
    batch = OrderBatch.objects.get(pk=batch_id)
    return Turn(batch, batch.lease_epoch)


def give_back(turn: Turn) -> None:
    """Give the lease back, so that another process can take it at once."""
    mine = OrderBatch.objects.filter(pk=turn.batch.pk, lease_epoch=turn.epoch)
    mine.update(lease_until=None)


def renew(turn: Turn) -> None:
    """Extend the lease during work that writes no chunk. Raises LeaseLost."""
    mine = OrderBatch.objects.filter(pk=turn.batch.pk, lease_epoch=turn.epoch, status__in=OPEN)
    if not mine.update(lease_until=Now() + LEASE):
        raise LeaseLost


@transaction.atomic(durable=True)
def pin(turn: Turn, *, version: str, size: int, form: str) -> Turn:
    """Fix the version of its source that a batch reads, before its first row. Raises LeaseLost."""
    batch = _held(turn)
    batch.source_version, batch.bytes, batch.format = version, size, form
    _save(batch, (AuditKind.BATCH_PINNED, {"version": version, "bytes": size, "format": form}))
    return replace(turn, batch=batch)


@transaction.atomic(durable=True)
def record(turn: Turn, chunk: Chunk) -> Turn:
    """Record a chunk: orders to be started, refused rows, and the new position of the batch.

    An order whose id was accepted before counts as known if its content is equal, and is refused
    otherwise. Reading ends with the last chunk, or stops at a problem; in mode `map` the Distributed Map
    is started afterwards, by `hand_over`. Raises LeaseLost.
    """
    batch = _held(turn)
    if batch.status != Status.READING or batch.position != turn.batch.position:
        raise LeaseLost
    fresh, conflicts = order_batches.insert(batch, chunk.items)
    refusals = [*chunk.refusals, *conflicts]
    order_batches.refuse(batch, refusals)
    counts = {
        "accepted": len(fresh),
        "known": len(chunk.items) - len(fresh) - len(conflicts),
        "refused": len(refusals),
    }
    batch.position += chunk.rows
    batch.bytes_read = max(batch.bytes_read, chunk.bytes_read)
    if chunk.lines.lines:
        batch.lines = chunk.lines.lines
        batch.blank_lines, batch.continuation_lines = chunk.lines.blank, chunk.lines.continuation
    for name, count in counts.items():
        setattr(batch, name, getattr(batch, name) + count)
    events: list[Event] = []
    if chunk.rows:
        events.append((AuditKind.BATCH_ROWS_READ, {"position": batch.position, **counts}))
    if chunk.problem or chunk.at_end:
        events.append(_end_reading(batch, chunk.problem))
    _save(batch, *events)
    return replace(turn, batch=batch)


def _end_reading(batch: OrderBatch, problem: str) -> Event:
    """End or stop the reading of a batch that the caller saves; returns the event."""
    batch.status = Status.STOPPED if problem else Status.READ
    batch.trouble = problem[:300]
    batch.lease_until = None if problem else batch.lease_until
    waiting = batch.executions.filter(number__gt=batch.carriers)
    if not batch.orders.filter(carried_by__in=waiting).exists():
        waiting.delete()  # a map without orders is not started
    data = _counts(batch) | ({"trouble": batch.trouble} if problem else {})
    return AuditKind.BATCH_STOPPED if problem else AuditKind.BATCH_READ, data


@transaction.atomic(durable=True)
def hand_over(turn: Turn, text: bytes) -> Turn:
    """Enqueue the start of the Distributed Map for the orders that were read, with `text` as its input.

    Raises LeaseLost.
    """
    batch = _held(turn)
    execution = batch.executions.filter(number=batch.carriers + 1).first()
    if execution is None:
        raise LeaseLost
    execution.orders = batch.orders.filter(carried_by=execution).count()
    execution.input_sha256 = hashlib.sha256(text).digest()
    execution.save()
    batch.carriers = execution.number
    outbox.enqueue_many(OutboxEntry.Kind.START_BATCH, {execution.pk: text})
    data = {"execution": execution.name, "orders": execution.orders}
    _save(batch, (AuditKind.BATCH_HANDED_OVER, data))
    return replace(turn, batch=batch)


def note_problem(batch_id: UUID, problem: str) -> None:
    """Record what keeps a batch waiting while its work is tried again, for pages; "" once it goes on."""
    text = problem[:LONGEST_PROBLEM]
    OrderBatch.objects.filter(pk=batch_id).exclude(problem=text).update(problem=text)


@transaction.atomic(durable=True)
def resume(batch_id: UUID, *, on_bad_row: str, by: Actor) -> OrderBatch:
    """Resume a stopped batch after the row that stopped it. Raises NotAllowed, or Invalid if there is none."""
    batch = OrderBatch.objects.select_for_update().filter(pk=batch_id).first()
    if batch is None:
        raise Invalid("There is no batch of this id.", pointer="")
    policy.may(Action.START_ORDER, None, by=by).or_raise()
    if batch.status == Status.STOPPED:
        batch.status, batch.trouble, batch.on_bad_row = Status.READING, "", on_bad_row
        batch.problem = ""
        _save(batch, (AuditKind.BATCH_RESUMED, _counts(batch)), by=by)
    return batch


@transaction.atomic(durable=True)
def finish(batch_id: UUID) -> bool:
    """Finish a batch if each of its orders is settled, refused or started alone; False if one is not."""
    batch = OrderBatch.objects.select_for_update().get(pk=batch_id)
    if batch.status != Status.READ or batch.executions.filter(learned=False).exists():
        return False
    underway = (OrderExecution.Status.PENDING, BATCHED)
    if batch.orders.filter(status__in=underway).exists():
        return False
    batch.status, batch.ended_at, batch.body = Status.FINISHED, database_time.now(), ""
    _save(batch, (AuditKind.BATCH_FINISHED, _counts(batch)))
    return True


def _held(turn: Turn) -> OrderBatch:
    """The batch, locked, its lease extended but not yet saved. Raises LeaseLost."""
    batch = OrderBatch.objects.select_for_update().get(pk=turn.batch.pk)
    if batch.lease_epoch != turn.epoch or batch.status not in OPEN:
        raise LeaseLost
    batch.lease_until = database_time.now() + LEASE
    batch.problem = ""  # the work goes on
    return batch


def _counts(batch: OrderBatch) -> dict[str, Any]:
    names = ("position", "accepted", "known", "refused", "carriers")
    return {name: getattr(batch, name) for name in names}


def _save(batch: OrderBatch, *events: Event, by: Actor = SYSTEM) -> None:
    """Write a locked batch as it now is, with these events."""
    end, work = audit.end_of(batch), UnitOfWork()
    work.update(batch, *COLUMNS)
    for kind, data in events:
        _record(work, end, kind, data, by=by)
    work.write()


def _record(
    work: UnitOfWork, end: ChainEnd, kind: AuditKind, data: dict[str, Any], *, by: Actor
) -> None:
    audit.record(work, end, kind, by=by, data=data, **data)
