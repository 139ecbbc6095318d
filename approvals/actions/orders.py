"""Orders: accepted once, however often they are sent, and updated with what Step Functions reports."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from approvals import policy
from approvals.actors import Actor
from approvals.exceptions import OrderConflict, Unavailable
from approvals.models import OrderExecution, OrderIntervention
from approvals.policy import Action
from approvals.records import (
    database_time,
    execution_names,
    idempotency,
    order_validation,
    orders,
)
from approvals.records.orders import Ending
from approvals.records.unit_of_work import UnitOfWork


@transaction.atomic(durable=True)
def accept(
    order: Mapping[str, Any],
    *,
    state_machine_arn: str,
    qualifier: str = "",
    written: Mapping[str, Any] | None = None,
    by: Actor,
    key: idempotency.Key | None = None,
) -> tuple[OrderExecution, bool]:
    """Store an order once, with the outbox entry that starts its execution; returns it and whether it is new.

    The input is canonical JSON, so that the same order always makes the same bytes. `written` is the order
    as it came, if that differs: an earlier release may have stored it so. Raises NotAllowed,
    Invalid (no usable order_id, too large), OrderConflict (the id came with other content before) or
    Unavailable without a state machine.
    """
    policy.may(Action.START_ORDER, None, by=by).or_raise()
    if not state_machine_arn:
        raise Unavailable("No order workflow: set ORDER_FULFILLMENT_STATE_MACHINE_ARN.")
    order_id, text = order_validation.parse(order)
    idempotency.keep(key)
    new = OrderExecution(
        state_machine_arn=state_machine_arn,
        qualifier=qualifier,
        order_id=order_id,
        attempt=1,
        name=execution_names.of_order(order_id),
        input=text,
        input_sha256=hashlib.sha256(text.encode()).digest(),
        created_by=by.user,
    )
    former = order_validation.former(written or order, text)
    # An earlier release may have stored it under another spelling of its id.
    stored = former and _first_attempt(state_machine_arn, former.order_id)
    row = stored or _first_attempt(state_machine_arn, order_id) or _insert(new, by)
    same = {new.input_sha256} | ({former.input_sha256} if former else set())
    if bytes(row.input_sha256) not in same:
        raise OrderConflict(order_id=order_id)
    idempotency.fill(key, row.pk, status=None if row is new else 200)
    return row, row is new


def _first_attempt(state_machine_arn: str, order_id: str) -> OrderExecution | None:
    """The stored first attempt at the order of this id, if any."""
    stored = OrderExecution.objects.filter(
        state_machine_arn=state_machine_arn, order_id=order_id, attempt=1
    )
    return stored.first()


def _insert(new: OrderExecution, by: Actor) -> OrderExecution:
    """Store a new order with what starts it; the stored one, if the same order came at this moment."""
    work = UnitOfWork()
    orders.accept(work, new, database_time.now(), by=by)
    try:
        with transaction.atomic():
            work.write()
    except IntegrityError:
        stored = _first_attempt(new.state_machine_arn, new.order_id)
        if stored is None:
            raise
        return stored
    return new


@transaction.atomic(durable=True)
def record_status(
    order_id: UUID, status: str, ending: Ending | None = None, *, redrives: int | None = None
) -> bool:
    """Record the status of the order's execution that Step Functions reports; False if it is not new.

    With `redrives`, the redrive count of that report, a report from before an intervention's redrive is
    ignored. Otherwise as `records.orders.record_status`.
    """
    order = OrderExecution.objects.select_for_update().get(pk=order_id)
    if redrives is not None and _is_outdated(order, redrives):
        return False
    return orders.record_status(order, status, ending)


def _is_outdated(order: OrderExecution, redrives: int) -> bool:
    """Whether a report with this redrive count is from before a redrive that AWS has accepted."""
    redriven = order.interventions.filter(  # a stop has no count
        outcome=OrderIntervention.Outcome.DONE, redrives_before__gte=redrives
    )
    return redriven.exists()
