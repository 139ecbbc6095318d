"""Accepts order batches: what is checked before one is stored, without a call to AWS."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from approvals import arns
from approvals.actions import batches
from approvals.actors import Actor
from approvals.exceptions import Invalid, Unavailable
from approvals.models import OrderBatch
from approvals.models.order_batches import MAX_BATCH_SIZE
from approvals.orchestration.batches import sources
from approvals.orchestration.batches.sources import Source
from approvals.records import idempotency

Mode = OrderBatch.Mode


@dataclass(frozen=True)
class BatchOptions:
    """How a batch is to be processed."""

    mode: str
    size: int = 100
    on_bad_row: str = OrderBatch.OnBadRow.SKIP


def accept(
    source: Source,
    options: BatchOptions,
    *,
    by: Actor,
    body: str = "",
    key: idempotency.Key | None = None,
) -> OrderBatch:
    """Store a batch whose source is to be read. Raises NotAllowed, Invalid or Unavailable."""
    if not 1 <= options.size <= MAX_BATCH_SIZE:
        raise Invalid(f"A batch size is 1 to {MAX_BATCH_SIZE} orders.", pointer="/batch_size")
    machine, qualifier = arns.split_qualifier(_machine("ORDER_FULFILLMENT_STATE_MACHINE_ARN"))
    batch = OrderBatch(
        source=source.name,
        source_version=source.version,
        bytes=source.size,
        format=source.form,
        body=body,
        mode=options.mode,
        size=options.size,
        on_bad_row=options.on_bad_row,
        state_machine_arn=machine,
        qualifier=qualifier,
        carrier_arn=_batch_machine_arn(options.mode),
    )
    return batches.accept(batch, by=by, key=key)


def may_be_read(url: str) -> None:
    """Whether a caller of the API may name this object. Raises Invalid."""
    bucket, _ = sources.split(url)
    if bucket not in settings.ORDER_BUCKETS:
        raise Invalid(f"Orders are not read from the bucket {bucket}.", pointer="/source")


def _machine(name: str) -> str:
    arn = str(getattr(settings, name))
    if not arn:
        raise Unavailable(f"No state machine for this: set {name}.")
    return arn


def _batch_machine_arn(mode: str) -> str:
    if mode == Mode.MAP and not settings.ORDER_BUCKETS:
        raise Unavailable("A Distributed Map reads its orders from S3: set ORDER_BUCKETS.")
    names = {
        Mode.BATCHES: "ORDER_BATCH_STATE_MACHINE_ARN",
        Mode.MAP: "DAILY_ORDERS_STATE_MACHINE_ARN",
    }
    return _machine(names[Mode(mode)]) if mode in names else ""
