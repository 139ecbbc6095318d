"""Orders on their way to Step Functions: one order, one execution, whatever dies in between.

The lane's other entries, redrives and stops, are `interventions`' work.

StartExecution of a STANDARD machine is idempotent for the same name and input while it runs; once it
is closed AWS answers ExecutionAlreadyExists, and DescribeExecution tells whose execution it is.
"""

from __future__ import annotations

import structlog
from django.db import transaction

from approvals import arns
from approvals.actions import orders
from approvals.delivery import interventions
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import OrderExecution, OrderIntervention, OutboxEntry
from approvals.records import outbox
from approvals.records.outbox import Lease

log = structlog.get_logger(__name__)

REFUSALS = {Proof.REFUSED, Proof.INVALID_OUTPUT, Proof.INVALID_TOKEN}


def about(lease: Lease) -> dict[str, str]:
    """The order that is to be started, redriven or stopped, for the log."""
    subject = lease.entry.subject
    if lease.entry.kind == OutboxEntry.Kind.START:
        return {"order": OrderExecution.objects.get(pk=subject).order_id}
    hand = OrderIntervention.objects.select_related("order").get(pk=subject)
    return {"order": hand.order.order_id}


def send(lease: Lease) -> None:
    """Make the call of a leased entry and write down what it proved."""
    if lease.entry.kind == OutboxEntry.Kind.START:
        _start(lease)
    else:
        interventions.send(lease)


def _start(lease: Lease) -> None:
    order = OrderExecution.objects.get(pk=lease.entry.subject)
    answer, arn = stepfunctions.start_execution(order.start_arn, order.name, order.input)
    status = OrderExecution.Status.RUNNING
    refusal = ""
    if answer.proof == Proof.CONFLICT:
        answer, arn, status, refusal = _existing(order)
    elif answer.proof in REFUSALS:
        refusal = f"Step Functions refused to start it: {answer.code}"
    _conclude(lease, answer, arn, status, refusal)


def _existing(order: OrderExecution) -> tuple[Answer, str, OrderExecution.Status, str]:
    """An execution of this name exists: ours if its input is, and a conflict if it is not."""
    arn = arns.execution_arn(order.state_machine_arn, order.name)
    place = arns.place_of(arn)
    answer, execution = stepfunctions.describe_execution(place, arn)
    pending = OrderExecution.Status.PENDING
    if execution is None or not execution.input_sha256:
        return Answer(Proof.AMBIGUOUS, answer.code or "InputNotShown"), "", pending, ""
    if execution.input_sha256 != bytes(order.input_sha256):
        refusal = f"An execution named {order.name} was started with other input."
        return Answer(Proof.REFUSED, "ExecutionAlreadyExists"), "", pending, refusal
    known = set(OrderExecution.Status.values)
    status = execution.status if execution.status in known else OrderExecution.Status.RUNNING
    return answer, execution.arn, OrderExecution.Status(status), ""


@transaction.atomic(durable=True)
def _conclude(
    lease: Lease, answer: Answer, arn: str, status: OrderExecution.Status, refusal: str
) -> None:
    order = OrderExecution.objects.select_for_update().get(pk=lease.entry.subject)
    entry = outbox.journal(
        lease, answer.proof, error_code=answer.code, request_id=answer.request_id
    )
    if arn:
        if not order.execution_arn:
            orders.record_started(order, arn, status)
        if entry.state != entry.State.SETTLED:
            outbox.settle(entry, "acknowledged")
    elif outbox.still_ours(entry, lease):
        if refusal:
            orders.record_refused(order, refusal)
            outbox.park(entry, "refused")
        else:
            outbox.retry_later(entry)
            log.info("execution.retrying", order=order.order_id, code=answer.code)
