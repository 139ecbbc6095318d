"""Starts batch executions, which carry many orders: each once, as an order's own execution is."""

from __future__ import annotations

import structlog
from django.db import transaction

from approvals.delivery import start_execution
from approvals.delivery.start_execution import Start
from approvals.models import BatchExecution
from approvals.records import batch_executions
from approvals.records.outbox import Lease
from approvals.records.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)


def about(lease: Lease) -> dict[str, str]:
    """The execution that is to be started, for the log."""
    return {"execution": BatchExecution.objects.get(pk=lease.entry.subject).name}


def send(lease: Lease) -> None:
    """Make the call of a leased start and record what it proved."""
    execution = BatchExecution.objects.select_related("batch").get(pk=lease.entry.subject)
    text, digest = bytes(lease.entry.payload).decode(), bytes(execution.input_sha256)
    _conclude(
        lease, start_execution.start(execution.batch.carrier_arn, execution.name, text, digest)
    )


@transaction.atomic(durable=True)
def _conclude(lease: Lease, start: Start) -> None:
    execution = BatchExecution.objects.select_for_update().get(pk=lease.entry.subject)
    work = UnitOfWork()
    concluded = start_execution.conclude(work, lease, start)
    work.write()
    if start.arn:
        if not execution.execution_arn:
            batch_executions.record_started(execution, start.arn, start.status)
    elif concluded.is_parked:
        batch_executions.record_refused(execution, start.refusal)
    elif concluded.is_retried:
        log.info("execution.retrying", execution=execution.name, code=start.answer.code)
