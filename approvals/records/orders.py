"""Rows of orders, written inside the transaction of a verb or of delivery.

The verbs are in `actions.orders` and `actions.interventions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from approvals.actors import SYSTEM, Actor
from approvals.models import OrderExecution, OrderIntervention, OutboxEntry
from approvals.records import (
    audit,
    database_time,
    execution_names,
    execution_snapshots,
    outbox,
    wake_ups,
)
from approvals.records.audit_kinds import AuditKind
from approvals.untrusted import redaction

REPORTED_BY_AWS = {"running", "succeeded", "failed", "timed_out", "aborted"}
MAX_CAUSE = 2_000  # of AWS's 32,768 characters: enough to know what happened

Outcome = OrderIntervention.Outcome


@dataclass(frozen=True)
class Ending:
    """How an execution ended, as DescribeExecution reports it: when, with which error, and why."""

    at: datetime | None = None
    error: str = ""
    cause: str = ""


def accept(row: OrderExecution, *, by: Actor, data: Mapping[str, Any] | None = None) -> None:
    """Enqueue the start of a new order, audit it, and wake a worker."""
    entry = outbox.enqueue(
        OutboxEntry.Kind.START, row.pk, row.input.encode(), not_before=database_time.now()
    )
    audit.record(row, AuditKind.ORDER_ACCEPTED, by=by, data=accepted(row) | dict(data or {}))
    wake_ups.after_commit(wake_ups.DELIVER, entry.pk, order=row.order_id)


def accepted(row: OrderExecution) -> dict[str, Any]:
    """The data of an accepted order in the audit trail."""
    digest = bytes(row.input_sha256).hex()
    return {"order_id": row.order_id, "name": row.name, "input_sha256": digest}


def begin_attempt(last: OrderExecution, *, by: Actor, why: str, reason: str = "") -> OrderExecution:
    """Store the next attempt at an order, with the same input, and enqueue its start.

    The caller holds the lock of `last`, the latest attempt. Recorded on the chains of both.
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
        created_by=by.user,
    )
    data = {"attempt": attempt, "name": row.name, "why": why, "reason": reason, "as": str(row.pk)}
    audit.record(last, AuditKind.ORDER_RESTARTED, by=by, data=data)
    accept(row, by=by, data={"attempt": attempt, "after": str(last.pk)})
    return row


def record_started(order: OrderExecution, arn: str, status: OrderExecution.Status) -> None:
    """Record that Step Functions has started the order's execution; the ARN is from the response."""
    order.execution_arn, order.status, order.started_at = arn, status, database_time.now()
    order.save(update_fields=["execution_arn", "status", "started_at"])
    execution_snapshots.watch({arn: order.started_at + execution_snapshots.WITHOUT_NEWS})
    data = {"execution_arn": arn, "status": str(status)}
    audit.record(order, AuditKind.ORDER_STARTED, by=SYSTEM, data=data, **data)


def record_refused(order: OrderExecution, why: str) -> None:
    """Record that Step Functions refuses to start the order; `why` is a sentence for people."""
    order.status, order.refusal = OrderExecution.Status.REFUSED, why[:300]
    order.save(update_fields=["status", "refusal"])
    audit.record(order, AuditKind.ORDER_REFUSED, by=SYSTEM, data={"why": order.refusal})


def record_status(order: OrderExecution, status: str, ending: Ending | None = None) -> bool:
    """Record the status of the order's execution that Step Functions reports; False if it is not new.

    The caller holds the order's lock. An execution that had ended is reported again after a redrive:
    as running, or with another time of its end.
    """
    reported = {"pending_redrive": "running"}.get(status, status)
    if reported not in REPORTED_BY_AWS:
        return False
    ending = ending if ending and reported != "running" else Ending()
    ended_anew = ending.at is not None and ending.at != order.ended_at
    if reported == order.status and not ended_anew:
        return False
    before, order.status = order.status, OrderExecution.Status(reported)
    order.ended_at, order.error = ending.at, ending.error.replace("\0", "")[:256]
    order.cause = redaction.redact_text(ending.cause.replace("\0", ""))[:MAX_CAUSE]
    order.save(update_fields=["status", "ended_at", "error", "cause"])
    data = {"before": before} | ({"error": order.error} if order.error else {})
    audit.record(order, AuditKind(f"order.{reported}"), by=SYSTEM, data=data, **data)
    return True


def end_intervention(
    intervention: OrderIntervention, order: OrderExecution, outcome: Outcome, **details: Any
) -> None:
    """Record the outcome of an intervention; the caller holds the locks of both, the order first."""
    intervention.outcome, intervention.ended_at = outcome, database_time.now()
    intervention.save(update_fields=["outcome", "ended_at"])
    data = {"intervention": str(intervention.pk), **details}
    audit.record(order, KINDS[intervention.kind, outcome], by=SYSTEM, data=data, **data)


KINDS: Mapping[tuple[str, str], AuditKind] = {
    ("redrive", Outcome.DONE): AuditKind.ORDER_REDRIVEN,
    ("redrive", Outcome.TOO_LATE): AuditKind.ORDER_REDRIVE_NOT_NEEDED,
    ("redrive", Outcome.NEW_ATTEMPT): AuditKind.ORDER_NOT_REDRIVABLE,
    ("redrive", Outcome.REFUSED): AuditKind.ORDER_REDRIVE_REFUSED,
    ("stop", Outcome.DONE): AuditKind.ORDER_STOPPED,
    ("stop", Outcome.TOO_LATE): AuditKind.ORDER_STOP_CAME_LATE,
    ("stop", Outcome.REFUSED): AuditKind.ORDER_STOP_REFUSED,
}


def record_stopped_before_start(order: OrderExecution, reason: str, *, by: Actor) -> None:
    """Record the stop of an order that was never started; the caller has cancelled its start."""
    order.status, order.ended_at = OrderExecution.Status.ABORTED, database_time.now()
    order.save(update_fields=["status", "ended_at"])
    data = {"reason": reason, "before": "pending"}
    audit.record(order, AuditKind.ORDER_STOPPED, by=by, data=data)
