"""A batch of orders: accepted, read in turns by whoever holds its lease, stopped or finished.

What a turn has read and how far it has come are written in one transaction: a crash repeats no row
and skips none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from approvals import policy
from approvals.exceptions import Invalid
from approvals.models import OrderBatch, OrderExecution, OutboxEntry, User
from approvals.models.choices import Surface
from approvals.records import audit, database_time, idempotency, order_batches, outbox
from approvals.records.order_batches import Item, Refusal

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=30)  # renewed by every turn; a crash costs this long
Status = OrderBatch.Status
OPEN = (Status.READING, Status.READ, Status.STOPPED)  # a map of what was read before may be left
BATCHED = OrderExecution.Status.BATCHED


class LeaseLost(Exception):
    """Somebody else reads this batch now, or nobody may."""


@dataclass(frozen=True)
class Reading:
    """What one turn has read: rows in a row, `bytes_read` of the source so far.

    `trouble` says why nothing may be read after them, `at_end` that nothing follows.
    """

    items: Sequence[Item] = ()
    refusals: Sequence[Refusal] = ()
    bytes_read: int = 0
    trouble: str = ""
    at_end: bool = False

    @property
    def rows(self) -> int:
        """How many rows that is."""
        return len(self.items) + len(self.refusals)


@dataclass(frozen=True)
class Turn:
    """The right to read on in a batch, under fencing epoch `epoch`."""

    batch: OrderBatch
    epoch: int


@transaction.atomic(durable=True)
def accept(
    batch: OrderBatch, *, by: User | None, surface: str, receipt: idempotency.Key | None = None
) -> OrderBatch:
    """Store a batch that is to be read. Raises NotAllowed."""
    idempotency.keep(receipt)
    if by is not None:
        policy.may(policy.START_ORDER, None, by, surface).or_raise()
    batch.created_by = by
    batch.save(force_insert=True)
    batch.refresh_from_db(fields=["created_at"])
    idempotency.fill(receipt, batch.pk)
    data = {
        "source": batch.source,
        "version": batch.source_version,
        "mode": batch.mode,
        "on_bad_row": batch.on_bad_row,
        "size": batch.size,
    }
    _tell(batch, "batch.accepted", data, by=by, surface=surface)
    return batch


def take(batch_id: UUID, *, seize: bool = False) -> Turn | None:
    """The lease of a batch that is not at its end, or None where somebody has it or it has ended.

    Whoever resumes a batch may seize it: the epoch tells the one before that it is no longer theirs.
    """
    free = Q() if seize else Q(lease_until=None) | Q(lease_until__lte=Now())
    mine = OrderBatch.objects.filter(free, pk=batch_id, status__in=OPEN)
    if not mine.update(lease_until=Now() + LEASE, lease_epoch=F("lease_epoch") + 1):
        return None
    batch = OrderBatch.objects.get(pk=batch_id)
    return Turn(batch, batch.lease_epoch)


def give_back(turn: Turn) -> None:
    """Let the next one read on at once."""
    mine = OrderBatch.objects.filter(pk=turn.batch.pk, lease_epoch=turn.epoch)
    mine.update(lease_until=None)


def renew(turn: Turn) -> None:
    """Keep the lease while something lasts that writes nothing here. Raises LeaseLost."""
    mine = OrderBatch.objects.filter(pk=turn.batch.pk, lease_epoch=turn.epoch, status__in=OPEN)
    if not mine.update(lease_until=Now() + LEASE):
        raise LeaseLost


@transaction.atomic(durable=True)
def pin(turn: Turn, *, version: str, size: int, form: str) -> Turn:
    """Fix which content of its source a batch is about, before its first row. Raises LeaseLost."""
    batch = _held(turn)
    batch.source_version, batch.bytes, batch.format = version, size, form
    batch.save()
    _tell(batch, "batch.pinned", {"version": version, "bytes": size, "format": form})
    return replace(turn, batch=batch)


@transaction.atomic(durable=True)
def record(turn: Turn, reading: Reading) -> Turn:
    """Write what was read: orders to be started, rows refused, and how far the batch has come.

    An order whose id came before is `known` where it says the same, and refused where it does not.
    With the last rows reading ends, or stops; a Distributed Map is still to be started then
    (`hand_over`). Raises LeaseLost.
    """
    batch = _held(turn)
    if batch.status != Status.READING or batch.position != turn.batch.position:
        raise LeaseLost
    fresh, conflicts = order_batches.insert(batch, reading.items)
    refusals = [*reading.refusals, *conflicts]
    order_batches.refuse(batch, refusals)
    counts = {
        "accepted": len(fresh),
        "known": len(reading.items) - len(fresh) - len(conflicts),
        "refused": len(refusals),
    }
    batch.position += reading.rows
    batch.bytes_read = max(batch.bytes_read, reading.bytes_read)
    for name, count in counts.items():
        setattr(batch, name, getattr(batch, name) + count)
    if reading.rows:
        _tell(batch, "batch.rows_read", {"position": batch.position, **counts})
    if reading.trouble or reading.at_end:
        _end_reading(batch, reading.trouble)
    batch.save()
    return replace(turn, batch=batch)


def _end_reading(batch: OrderBatch, trouble: str) -> None:
    batch.status = Status.STOPPED if trouble else Status.READ
    batch.trouble = trouble[:300]
    batch.lease_until = None if trouble else batch.lease_until
    waiting = batch.executions.filter(number__gt=batch.carriers)
    if not batch.orders.filter(status=BATCHED, carried_by__in=waiting).exists():
        waiting.delete()  # a map of no orders is none
    data = _counts(batch) | ({"trouble": batch.trouble} if trouble else {})
    _tell(batch, "batch.stopped" if trouble else "batch.read", data)


@transaction.atomic(durable=True)
def hand_over(turn: Turn, text: bytes) -> Turn:
    """Enqueue the start of the Distributed Map that carries what was read, with `text` as its input.

    Raises LeaseLost.
    """
    batch = _held(turn)
    carrier = batch.executions.filter(number=batch.carriers + 1).first()
    if carrier is None:
        raise LeaseLost
    carrier.orders = batch.orders.filter(status=BATCHED, carried_by=carrier).count()
    carrier.input_sha256 = hashlib.sha256(text).digest()
    carrier.save()
    batch.carriers = carrier.number
    batch.save()
    outbox.enqueue_many(OutboxEntry.Kind.START_BATCH, {carrier.pk: text})
    _tell(batch, "batch.handed_over", {"execution": carrier.name, "orders": carrier.orders})
    return replace(turn, batch=batch)


@transaction.atomic(durable=True)
def resume(batch_id: UUID, *, on_bad_row: str, by: User | None, surface: str) -> OrderBatch:
    """Let a stopped batch go on after the row that stopped it. Raises NotAllowed, or Invalid where none is."""
    batch = OrderBatch.objects.select_for_update().filter(pk=batch_id).first()
    if batch is None:
        raise Invalid("There is no batch of this id.", pointer="")
    if by is not None:
        policy.may(policy.START_ORDER, None, by, surface).or_raise()
    if batch.status == Status.STOPPED:
        batch.status, batch.trouble, batch.on_bad_row = Status.READING, "", on_bad_row
        batch.save()
        _tell(batch, "batch.resumed", _counts(batch), by=by, surface=surface)
    return batch


@transaction.atomic(durable=True)
def finish(batch_id: UUID) -> bool:
    """End a batch of which every order has its end: settled, an execution of its own, or refused."""
    batch = OrderBatch.objects.select_for_update().get(pk=batch_id)
    if batch.status != Status.READ or batch.executions.filter(learned=False).exists():
        return False
    underway = (OrderExecution.Status.PENDING, BATCHED)
    if batch.orders.filter(status__in=underway).exists():
        return False
    batch.status, batch.ended_at, batch.body = Status.FINISHED, database_time.now(), ""
    batch.save()
    _tell(batch, "batch.finished", _counts(batch))
    return True


def _held(turn: Turn) -> OrderBatch:
    """The batch, locked, its lease renewed in memory."""
    batch = OrderBatch.objects.select_for_update().get(pk=turn.batch.pk)
    if batch.lease_epoch != turn.epoch or batch.status not in OPEN:
        raise LeaseLost
    batch.lease_until = database_time.now() + LEASE
    return batch


def _counts(batch: OrderBatch) -> dict[str, Any]:
    names = ("position", "accepted", "known", "refused", "carriers")
    return {name: getattr(batch, name) for name in names}


def _tell(
    batch: OrderBatch,
    kind: str,
    data: dict[str, Any],
    *,
    by: User | None = None,
    surface: str = Surface.SYSTEM,
) -> None:
    audit.record(audit.chain_of("batch", batch.pk), kind, by=by, surface=surface, data=data)
    log.info(kind, batch=str(batch.pk), **data)
