"""What becomes of an order: started or refused, ended, begun anew, and what a hand laid on it has done.

Who asks AWS calls these: within delivery's own transaction, `record_status` and `note_redrives` apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from approvals import messages
from approvals.models import OrderExecution, OrderIntervention, OutboxEntry, User
from approvals.models.decisions import Surface
from approvals.records import (
    audit,
    database_time,
    execution_names,
    execution_snapshots,
    outbox,
    wake_ups,
)

log = structlog.get_logger(__name__)

TOLD_BY_AWS = {"running", "succeeded", "failed", "timed_out", "aborted"}
MAX_CAUSE = 2_000  # of AWS's 32,768 characters: enough to know what happened

Outcome = OrderIntervention.Outcome


@dataclass(frozen=True)
class Ending:
    """How an execution ended, as DescribeExecution says it: when, with which error, and why."""

    at: datetime | None = None
    error: str = ""
    cause: str = ""


def record_started(order: OrderExecution, arn: str, status: OrderExecution.Status) -> None:
    """Step Functions has taken the order: its execution's ARN is known from an answer, not built."""
    order.execution_arn, order.status, order.started_at = arn, status, database_time.now()
    order.save(update_fields=["execution_arn", "status", "started_at"])
    execution_snapshots.watch({arn: order.started_at + execution_snapshots.WITHOUT_NEWS})
    _record(order, "order.started", {"execution_arn": arn, "status": str(status)})


def record_refused(order: OrderExecution, why: str) -> None:
    """Step Functions will not take the order as it is; `why` is a sentence for people."""
    order.status, order.refusal = OrderExecution.Status.REFUSED, why[:300]
    order.save(update_fields=["status", "refusal"])
    _record(order, "order.refused", {"why": why[:300]})


@transaction.atomic(durable=True)
def record_status(
    order_id: UUID, status: str, ending: Ending | None = None, *, redrives: int | None = None
) -> bool:
    """Step Functions says how the order's execution stands; False where that is no news.

    What has ended and runs again was redriven: that is news too, because it was described just now.
    So is an end at another time than the one that is known: it was redriven, and ended once more.
    With `redrives`, a description that lags behind a redrive of ours is no news.
    """
    order = OrderExecution.objects.select_for_update().get(pk=order_id)
    if redrives is not None and _is_outdated(order, redrives):
        return False
    return told(order, status, ending)


def told(order: OrderExecution, status: str, ending: Ending | None = None) -> bool:
    """As `record_status`, for who holds the order's lock."""
    known = {"pending_redrive": "running"}.get(status, status)
    if known not in TOLD_BY_AWS:
        return False
    ending = ending if ending and known != "running" else Ending()
    ended_anew = ending.at is not None and ending.at != order.ended_at
    if known == order.status and not ended_anew:
        return False
    before, order.status = order.status, OrderExecution.Status(known)
    order.ended_at, order.error = ending.at, ending.error.replace("\0", "")[:256]
    order.cause = messages.blotted(ending.cause.replace("\0", ""))[:MAX_CAUSE]
    order.save(update_fields=["status", "ended_at", "error", "cause"])
    said = {"before": before} | ({"error": order.error} if order.error else {})
    _record(order, f"order.{known}", said)
    return True


def _is_outdated(order: OrderExecution, redrives: int) -> bool:
    """Whether an execution was described as it stood before a redrive that AWS has taken."""
    redriven = order.interventions.filter(
        kind=OrderIntervention.Kind.REDRIVE, outcome=Outcome.DONE, redrives_before__gte=redrives
    )
    return redriven.exists()


def begin_attempt(
    last: OrderExecution, *, by: User | None, surface: str, why: str, reason: str = ""
) -> OrderExecution:
    """Store the next attempt at an order, with the same input and what will start it.

    The caller holds the lock of `last`, the latest attempt. Audited on the chains of both.
    """
    attempt = last.attempt + 1
    row = OrderExecution.objects.create(
        state_machine_arn=last.state_machine_arn,
        qualifier=last.qualifier,
        order_id=last.order_id,
        attempt=attempt,
        name=execution_names.of_attempt(last, attempt),
        input=last.input,
        input_sha256=last.input_sha256,
        created_by=by,
    )
    entry = outbox.enqueue(
        OutboxEntry.Kind.START, row.pk, row.input.encode(), not_before=database_time.now()
    )
    said = {"attempt": attempt, "name": row.name, "why": why, "reason": reason}
    _record(last, "order.restarted", said | {"as": str(row.pk)}, by=by, surface=surface)
    said = {"order_id": row.order_id, "name": row.name, "attempt": attempt, "after": str(last.pk)}
    said |= {"input_sha256": bytes(row.input_sha256).hex()}
    _record(row, "order.accepted", said, by=by, surface=surface)
    wake_ups.after_commit(wake_ups.DELIVER, entry.pk, order=row.order_id)
    return row


@transaction.atomic(durable=True)
def note_redrives(hand: UUID, count: int) -> int:
    """Write down, before the first call, how often an execution has been redriven; returns what stands.

    Whoever comes later compares with the first note: a count above it proves that a call has worked.
    """
    row = OrderIntervention.objects.select_for_update().get(pk=hand)
    if row.redrives_before is None:
        row.redrives_before = count
        row.save(update_fields=["redrives_before"])
    return row.redrives_before


def end_intervention(
    hand: OrderIntervention, order: OrderExecution, outcome: Outcome, **said: Any
) -> None:
    """It is known what Step Functions made of it; the caller holds the locks of both, order first."""
    hand.outcome, hand.ended_at = outcome, database_time.now()
    hand.save(update_fields=["outcome", "ended_at"])
    _record(order, KINDS[hand.kind, outcome], {"intervention": str(hand.pk), **said})


KINDS: Mapping[tuple[str, str], str] = {
    ("redrive", Outcome.DONE): "order.redriven",
    ("redrive", Outcome.TOO_LATE): "order.redrive_not_needed",
    ("redrive", Outcome.NEW_ATTEMPT): "order.not_redrivable",
    ("redrive", Outcome.REFUSED): "order.redrive_refused",
    ("stop", Outcome.DONE): "order.stopped",
    ("stop", Outcome.TOO_LATE): "order.stop_came_late",
    ("stop", Outcome.REFUSED): "order.stop_refused",
}


def record_stopped_before_start(
    order: OrderExecution, reason: str, *, by: User | None, surface: str
) -> None:
    """Nobody had begun to start it, and nobody will: the caller has cancelled what would have."""
    order.status, order.ended_at = OrderExecution.Status.ABORTED, database_time.now()
    order.save(update_fields=["status", "ended_at"])
    said = {"reason": reason, "before": "pending"}
    _record(order, "order.stopped", said, by=by, surface=surface)


def _record(
    order: OrderExecution,
    kind: str,
    data: Mapping[str, Any],
    *,
    by: User | None = None,
    surface: str = Surface.SYSTEM,
) -> None:
    audit.record(audit.chain_of("order", order.pk), kind, by=by, surface=surface, data=data)
    log.info(kind, order=order.order_id, **data)
