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
    execution_names,
    execution_snapshots,
    outbox,
    wake_ups,
)
from approvals.records.audit import ChainEnd
from approvals.records.audit_kinds import AuditKind
from approvals.records.unit_of_work import UnitOfWork
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


def accept(
    work: UnitOfWork,
    row: OrderExecution,
    now: datetime,
    *,
    by: Actor,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Add a new order, its start and its first event to the unit of work, and wake a worker afterwards."""
    work.insert(row)
    entry = outbox.new_entry(OutboxEntry.Kind.START, row.pk, row.input.encode(), not_before=now)
    work.insert(entry)
    about = accepted(row) | dict(data or {})
    audit.record(work, ChainEnd(row, now), AuditKind.ORDER_ACCEPTED, by=by, data=about)
    wake_ups.start_after_commit(entry.pk, order=row.order_id)


def accepted(row: OrderExecution) -> dict[str, Any]:
    """The data of an accepted order in the audit trail."""
    digest = bytes(row.input_sha256).hex()
    return {"order_id": row.order_id, "name": row.name, "input_sha256": digest}


def begin_attempt(last: OrderExecution, *, by: Actor, why: str, reason: str = "") -> OrderExecution:
    """Store the next attempt at an order, with the same input, and enqueue its start.

    The caller holds the lock of `last`, the latest attempt. Recorded on the chains of both.
    """
    end, work = audit.end_of(last), UnitOfWork()
    attempt = last.attempt + 1
    row = OrderExecution(
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
    audit.record(work, end, AuditKind.ORDER_RESTARTED, by=by, data=data)
    accept(work, row, end.now, by=by, data={"attempt": attempt, "after": str(last.pk)})
    work.write()
    return row


def record_started(order: OrderExecution, arn: str, status: OrderExecution.Status) -> None:
    """Record that Step Functions has started the order's execution; the ARN is from the response."""
    end, work = audit.end_of(order), UnitOfWork()
    order.execution_arn, order.status, order.started_at = arn, status, end.now
    work.update(order, "execution_arn", "status", "started_at")
    data = {"execution_arn": arn, "status": str(status)}
    audit.record(work, end, AuditKind.ORDER_STARTED, by=SYSTEM, data=data, **data)
    work.write()
    execution_snapshots.watch({arn: end.now + execution_snapshots.WITHOUT_NEWS}, proved=True)


def record_refused(order: OrderExecution, why: str) -> None:
    """Record that Step Functions refuses to start the order; `why` is a sentence for people."""
    order.status, order.refusal = OrderExecution.Status.REFUSED, why[:300]
    work = UnitOfWork()
    work.update(order, "status", "refusal")
    data = {"why": order.refusal}
    audit.record(work, audit.end_of(order), AuditKind.ORDER_REFUSED, by=SYSTEM, data=data)
    work.write()


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
    work = UnitOfWork()
    work.update(order, "status", "ended_at", "error", "cause")
    data = {"before": before} | ({"error": order.error} if order.error else {})
    kind = AuditKind(f"order.{reported}")
    audit.record(work, audit.end_of(order), kind, by=SYSTEM, data=data, **data)
    work.write()
    return True


def end_intervention(
    intervention: OrderIntervention, order: OrderExecution, outcome: Outcome, **details: Any
) -> None:
    """Record the outcome of an intervention; the caller holds the locks of both, the order first."""
    end, work = audit.end_of(order), UnitOfWork()
    intervention.outcome, intervention.ended_at = outcome, end.now
    work.update(intervention, "outcome", "ended_at")
    data = {"intervention": str(intervention.pk), **details}
    audit.record(work, end, KINDS[intervention.kind, outcome], by=SYSTEM, data=data, **data)
    work.write()


KINDS: Mapping[tuple[str, str], AuditKind] = {
    ("redrive", Outcome.DONE): AuditKind.ORDER_REDRIVEN,
    ("redrive", Outcome.TOO_LATE): AuditKind.ORDER_REDRIVE_NOT_NEEDED,
    ("redrive", Outcome.NEW_ATTEMPT): AuditKind.ORDER_NOT_REDRIVABLE,
    ("redrive", Outcome.REFUSED): AuditKind.ORDER_REDRIVE_REFUSED,
    ("stop", Outcome.DONE): AuditKind.ORDER_STOPPED,
    ("stop", Outcome.TOO_LATE): AuditKind.ORDER_STOP_CAME_LATE,
    ("stop", Outcome.REFUSED): AuditKind.ORDER_STOP_REFUSED,
}


def record_stopped_before_start(
    end: ChainEnd, order: OrderExecution, reason: str, *, by: Actor
) -> None:
    """Record the stop of an order that was never started; the caller has cancelled its start."""
    work = UnitOfWork()
    order.status, order.ended_at = OrderExecution.Status.ABORTED, end.now
    work.update(order, "status", "ended_at")
    data = {"reason": reason, "before": "pending"}
    audit.record(work, end, AuditKind.ORDER_STOPPED, by=by, data=data)
    work.write()
