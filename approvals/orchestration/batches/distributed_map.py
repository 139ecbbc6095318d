"""Orders by a Distributed Map: the S3 object that it reads, its start, and how far it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q

from approvals import arns
from approvals.actions import batch_executions
from approvals.actions import batches as verbs
from approvals.exceptions import Unavailable
from approvals.gateways import s3, stepfunctions
from approvals.models import BatchExecution, OrderBatch, OrderExecution
from approvals.orchestration.batches import sources
from approvals.records import database_time, failing_rows, order_batches

TASK = "progress of maps"
ROWS_A_PAGE = 500
ASKED_EVERY = timedelta(seconds=5)
Mode, Status = OrderBatch.Mode, OrderBatch.Status


def to_be_handed_over(batch: OrderBatch) -> bool:
    """Whether a Distributed Map is to be started: the source has been read, and orders wait for the map."""
    is_map = batch.mode == Mode.MAP and batch.status in {Status.READ, Status.STOPPED}
    return is_map and batch.executions.filter(number__gt=batch.carriers).exists()


def hand_over(turn: verbs.Turn) -> verbs.Turn:
    """Write the S3 object for a Distributed Map, pin its version, and have the map started.

    The object holds the accepted orders, not the source: refused rows and orders that were known
    before are not in it. Raises LeaseLost, Invalid or Unavailable.
    """
    batch = turn.batch
    execution = batch.executions.get(number=batch.carriers + 1)
    bucket, prefix = settings.ORDER_BUCKETS[0], f"batches/{batch.pk}/{execution.number}"
    key = f"{prefix}/orders.json"
    if s3.write(sources.place(), bucket, key, [b"[]"]) in {"", "null"}:
        raise Unavailable(f"The bucket {bucket} keeps no versions, and a map needs one to read.")
    version = s3.write(sources.place(), bucket, key, _orders(turn, execution))
    document = {
        "batch": str(batch.pk),
        "batch_size": batch.size,
        "source": {"bucket": bucket, "key": key, "version": version},
        "results": {"bucket": bucket, "prefix": f"{prefix}/results"},
    }
    return verbs.hand_over(turn, json.dumps(document, separators=(",", ":")).encode())


def _orders(turn: verbs.Turn, execution: BatchExecution) -> Iterator[bytes]:
    """The orders of a batch execution as one JSON array, a page of rows at a time."""
    carried = OrderExecution.objects.filter(carried_by=execution)
    last, opening = 0, "["
    renew_at = database_time.now()
    while page := list(carried.filter(batch_item__gt=last).order_by("batch_item")[:ROWS_A_PAGE]):
        texts = [json.dumps(order_batches.batch_entry(row), ensure_ascii=False) for row in page]
        yield (opening + ",\n".join(texts)).encode()
        last, opening = page[-1].batch_item or 0, ",\n"
        if database_time.now() > renew_at:
            verbs.renew(turn)
            renew_at = database_time.now() + verbs.LEASE / 3
    yield b"]" if last else b"[]"


def ask_progress() -> None:
    """Ask how far the running maps are, each of them every few seconds."""
    now = database_time.now()
    stale = Q(items_asked_at=None) | Q(items_asked_at__lt=now - ASKED_EVERY)
    under_way = BatchExecution.objects.filter(
        stale, learned=False, batch__mode=Mode.MAP, status=BatchExecution.Status.RUNNING
    )
    able = under_way.exclude(pk__in=failing_rows.paused(TASK))
    first = able.order_by(F("items_asked_at").asc(nulls_first=True))
    for execution_id in list(first.values_list("pk", flat=True)[:5]):
        failing_rows.attempt(TASK, execution_id, _ask_progress)


def _ask_progress(execution_id: UUID) -> None:
    execution = BatchExecution.objects.get(pk=execution_id)
    arn = execution.execution_arn
    done = stepfunctions.map_run_progress(arns.place_of(arn), arn)
    batch_executions.note_progress(execution.pk, execution.items_done if done is None else done)
