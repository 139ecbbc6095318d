"""Starts the executions of orders: one order, one execution, whichever process dies in between.

Redrives and stops, the other outbox entries of this lane, are sent by `delivery.interventions`.
"""

from __future__ import annotations

import structlog
from django.db import transaction

from approvals.delivery import interventions, start_execution
from approvals.delivery.start_execution import Start
from approvals.models import OrderExecution, OrderIntervention, OutboxEntry
from approvals.records import orders
from approvals.records.outbox import Lease
from approvals.records.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)


def about(lease: Lease) -> dict[str, str]:
    """The order that is to be started, redriven or stopped, for the log."""
    subject = lease.entry.subject
    if lease.entry.kind == OutboxEntry.Kind.START:
        return {"order": OrderExecution.objects.get(pk=subject).order_id}
    intervention = OrderIntervention.objects.select_related("order").get(pk=subject)
    return {"order": intervention.order.order_id}


def send(lease: Lease) -> None:
    """Make the call of a leased entry and record what it proved."""
    if lease.entry.kind == OutboxEntry.Kind.START:
        _start(lease)
    else:
        interventions.send(lease)


def _start(lease: Lease) -> None:
    order = OrderExecution.objects.get(pk=lease.entry.subject)
    digest = bytes(order.input_sha256)
    _conclude(lease, start_execution.start(order.start_arn, order.name, order.input, digest))


@transaction.atomic(durable=True)
def _conclude(lease: Lease, start: Start) -> None:
    order = OrderExecution.objects.select_for_update().get(pk=lease.entry.subject)
    work = UnitOfWork()
    concluded = start_execution.conclude(work, lease, start)
    work.write()
    if start.arn:
        if not order.execution_arn:
            known = start.status in OrderExecution.Status.values
            status = start.status if known else OrderExecution.Status.RUNNING
            orders.record_started(order, start.arn, OrderExecution.Status(status))
    elif concluded.is_parked:
        orders.record_refused(order, start.refusal)
    elif concluded.is_retried:
        log.info("execution.retrying", order=order.order_id, code=start.answer.code)
