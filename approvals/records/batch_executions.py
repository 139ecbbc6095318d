"""Rows of batch executions: started or refused, written inside the transaction of delivery."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from approvals.actors import SYSTEM
from approvals.models import BatchExecution
from approvals.records import audit, execution_snapshots
from approvals.records.audit import ChainEnd
from approvals.records.audit_kinds import AuditKind
from approvals.records.unit_of_work import UnitOfWork

DESCRIBED_AFTER = timedelta(seconds=5)  # it runs for seconds; its status event may come first


def record_started(row: BatchExecution, arn: str, status: str) -> None:
    """Record that Step Functions has started it; the ARN is from the response."""
    end, work = audit.end_of(row), UnitOfWork()
    row.execution_arn, row.started_at = arn, end.now
    row.status = BatchExecution.Status.RUNNING  # also if it has ended: its output is to be read
    work.update(row, "execution_arn", "started_at", "status")
    record(work, end, row, AuditKind.BATCH_EXECUTION_STARTED, {"execution_arn": arn})
    work.write()
    wait = DESCRIBED_AFTER if status == "running" else timedelta(0)
    execution_snapshots.watch({arn: end.now + wait}, proved=True)


def record_refused(row: BatchExecution, why: str) -> None:
    """Record that Step Functions refuses to start it; its orders are released afterwards."""
    row.status, row.refusal = BatchExecution.Status.REFUSED, why[:300]
    work = UnitOfWork()
    work.update(row, "status", "refusal")
    why = row.refusal
    record(work, audit.end_of(row), row, AuditKind.BATCH_EXECUTION_REFUSED, {"why": why})
    work.write()


def record(
    work: UnitOfWork, end: ChainEnd, row: BatchExecution, kind: AuditKind, data: dict[str, Any]
) -> None:
    """Add an event of the execution's own chain to a unit of work: on the batch's, many would wait."""
    common = {"batch": str(row.batch_id), "number": row.number, "orders": row.orders}
    audit.record(work, end, kind, by=SYSTEM, data=common | data, **data)
