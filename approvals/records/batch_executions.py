"""Rows of batch executions: started or refused, written inside the transaction of delivery."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from approvals.actors import SYSTEM
from approvals.models import BatchExecution
from approvals.records import audit, database_time, execution_snapshots
from approvals.records.audit_kinds import AuditKind

DESCRIBED_AFTER = timedelta(seconds=5)  # it runs for seconds; its status event may come first


def record_started(row: BatchExecution, arn: str, status: str) -> None:
    """Record that Step Functions has started it; the ARN is from the response."""
    row.execution_arn, row.started_at = arn, database_time.now()
    row.status = BatchExecution.Status.RUNNING  # also if it has ended: its output is to be read
    row.save(update_fields=["execution_arn", "started_at", "status"])
    wait = DESCRIBED_AFTER if status == "running" else timedelta(0)
    execution_snapshots.watch({arn: row.started_at + wait})
    record(row, AuditKind.BATCH_EXECUTION_STARTED, {"execution_arn": arn})


def record_refused(row: BatchExecution, why: str) -> None:
    """Record that Step Functions refuses to start it; its orders are released afterwards."""
    row.status, row.refusal = BatchExecution.Status.REFUSED, why[:300]
    row.save(update_fields=["status", "refusal"])
    record(row, AuditKind.BATCH_EXECUTION_REFUSED, {"why": why[:300]})


def record(row: BatchExecution, kind: AuditKind, data: dict[str, Any]) -> None:
    """Append an event to the chain of the execution; the chain of the batch would make many wait."""
    common = {"batch": str(row.batch_id), "number": row.number, "orders": row.orders}
    audit.record(row, kind, by=SYSTEM, data=common | data, **data)
