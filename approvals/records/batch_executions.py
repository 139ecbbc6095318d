"""Rows of batch executions, written inside delivery's transaction: one was started, or refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from approvals.actors import SYSTEM
from approvals.models import BatchExecution
from approvals.records import audit, database_time, execution_snapshots
from approvals.records.audit_kinds import AuditKind

ASKED_AFTER = timedelta(seconds=5)  # it lasts seconds; its status event may come first


def record_started(row: BatchExecution, arn: str, status: str) -> None:
    """Step Functions has started it; its ARN comes from the response."""
    row.execution_arn, row.started_at = arn, database_time.now()
    row.status = BatchExecution.Status.RUNNING  # also if it has ended: its output is to be read
    row.save(update_fields=["execution_arn", "started_at", "status"])
    wait = ASKED_AFTER if status == "running" else timedelta(0)
    execution_snapshots.watch({arn: row.started_at + wait})
    record(row, AuditKind.BATCH_EXECUTION_STARTED, {"execution_arn": arn})


def record_refused(row: BatchExecution, why: str) -> None:
    """Step Functions refuses to start it; its orders are to be released."""
    row.status, row.refusal = BatchExecution.Status.REFUSED, why[:300]
    row.save(update_fields=["status", "refusal"])
    record(row, AuditKind.BATCH_EXECUTION_REFUSED, {"why": why[:300]})


def record(row: BatchExecution, kind: AuditKind, data: dict[str, Any]) -> None:
    """Append an event to the execution's own chain: many end at once, and none locks the batch's row."""
    known = {"batch": str(row.batch_id), "number": row.number, "orders": row.orders}
    audit.record(row, kind, by=SYSTEM, data=known | data, **data)
