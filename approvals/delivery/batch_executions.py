"""Executions that carry many orders, on their way to Step Functions: each is started once, as an order's is."""

from __future__ import annotations

import structlog
from django.db import transaction

from approvals import arns
from approvals.actions import batch_executions
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import BatchExecution
from approvals.records import outbox
from approvals.records.outbox import Lease

log = structlog.get_logger(__name__)

REFUSALS = {Proof.REFUSED, Proof.INVALID_OUTPUT, Proof.INVALID_TOKEN}
OTHER_INPUT = "An execution of this name was started with other input."


def about(lease: Lease) -> dict[str, str]:
    """The execution that is to be started, for the log."""
    return {"execution": BatchExecution.objects.get(pk=lease.entry.subject).name}


def send(lease: Lease) -> None:
    """Make the call of a leased start and write down what it proved."""
    carrier = BatchExecution.objects.select_related("batch").get(pk=lease.entry.subject)
    text = bytes(lease.entry.payload).decode()
    machine = carrier.batch.carrier_arn
    answer, arn = stepfunctions.start_execution(machine, carrier.name, text)
    status, refusal = "running", ""
    if answer.proof == Proof.CONFLICT:
        answer, arn, status, refusal = _existing(carrier)
    elif answer.proof in REFUSALS:
        refusal = f"Step Functions refused to start it: {answer.code}"
    _conclude(lease, answer, arn, status, refusal)


def _existing(carrier: BatchExecution) -> tuple[Answer, str, str, str]:
    """An execution of this name has ended: ours if its input is."""
    arn = arns.execution_arn(carrier.batch.carrier_arn, carrier.name)
    answer, found = stepfunctions.describe_execution(arns.place_of(arn), arn)
    if found is None or not found.input_sha256:
        return Answer(Proof.AMBIGUOUS, answer.code or "InputNotShown"), "", "", ""
    if found.input_sha256 != bytes(carrier.input_sha256):
        return Answer(Proof.REFUSED, "ExecutionAlreadyExists"), "", "", OTHER_INPUT
    return answer, found.arn, found.status, ""


@transaction.atomic(durable=True)
def _conclude(lease: Lease, answer: Answer, arn: str, status: str, refusal: str) -> None:
    carrier = BatchExecution.objects.select_for_update().get(pk=lease.entry.subject)
    entry = outbox.journal(
        lease, answer.proof, error_code=answer.code, request_id=answer.request_id
    )
    if arn:
        if not carrier.execution_arn:
            batch_executions.record_started(carrier, arn, status)
        if entry.state != entry.State.SETTLED:
            outbox.settle(entry, "acknowledged")
    elif outbox.still_ours(entry, lease):
        if refusal:
            batch_executions.record_refused(carrier, refusal)
            outbox.park(entry, "refused")
        else:
            outbox.retry_later(entry)
            log.info("execution.retrying", execution=carrier.name, code=answer.code)
