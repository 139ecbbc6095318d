"""Interventions in orders: a person restarts one that has failed, or stops one that is under way.

Neither verb calls AWS: the request is sent through the outbox, and delivery records its outcome.
"""

from __future__ import annotations

import json
from uuid import UUID

from django.db import transaction

from approvals import policy
from approvals.actors import Actor
from approvals.exceptions import NotFound, OrderConflict
from approvals.models import OrderExecution, OrderIntervention, OutboxEntry
from approvals.policy import Action
from approvals.records import (
    audit,
    idempotency,
    locked_rows,
    orders,
    outbox,
    redrive_eligibility,
    wake_ups,
)
from approvals.records.audit_kinds import AuditKind
from approvals.records.locked_rows import LockedRow
from approvals.records.unit_of_work import ConditionFailed, UnitOfWork
from approvals.untrusted import typed_text

MAX_REASON = 1_000
STOPPED = "OrderStopped"  # the error that the execution's history then shows

Kind = OrderIntervention.Kind
KIND_OF = {
    str(Kind.REDRIVE): AuditKind.ORDER_RESTART_ASKED,
    str(Kind.STOP): AuditKind.ORDER_STOP_ASKED,
}
OUTBOX_KIND_OF = {
    str(Kind.REDRIVE): OutboxEntry.Kind.REDRIVE,
    str(Kind.STOP): OutboxEntry.Kind.STOP,
}


@transaction.atomic(durable=True)
def restart(
    order_id: str,
    *,
    by: Actor,
    reason: str = "",
    attempt: UUID | None = None,
    key: idempotency.Key | None = None,
) -> OrderExecution:
    """Restart a failed, timed out or aborted order; returns the attempt that continues it.

    Its execution is redriven within 14 days of its end. If it cannot be redriven, or would only enter
    its Fail state again, a new attempt is started as `order-<id>-r2`. Raises NotFound, NotAllowed,
    Invalid, and OrderConflict if the order is in no such state, its `attempt` is not the last one, or
    another intervention is under way.
    """
    locked = _locked(order_id, by, attempt, key)
    order = locked.row
    reason = typed_text.checked(reason, field="reason", longest=MAX_REASON)
    if order.status not in OrderExecution.RESTARTABLE:
        raise _conflict(
            order,
            f"This order is {order.get_status_display().lower()}: there is nothing to restart.",
        )
    why = redrive_eligibility.reason_for_new_attempt(order)
    if why:
        attempt_row = orders.begin_attempt(order, by=by, why=why, reason=reason)
        idempotency.fill(key, attempt_row.pk)
        return attempt_row
    intervention = OrderIntervention(
        order=order, kind=Kind.REDRIVE, reason=reason, created_by=by.user
    )
    _begin(locked, intervention, {"client_token": str(intervention.pk)})
    idempotency.fill(key, order.pk)
    return order


@transaction.atomic(durable=True)
def stop(
    order_id: str,
    reason: str,
    *,
    by: Actor,
    attempt: UUID | None = None,
    key: idempotency.Key | None = None,
) -> OrderExecution:
    """Stop an order that is under way, with a reason for its execution history; its open reviews end too.

    A start that no sender has begun to send is cancelled. Raises as `restart` does, and Invalid without
    a reason.
    """
    locked = _locked(order_id, by, attempt, key)
    order = locked.row
    reason = typed_text.checked(
        reason, field="reason", longest=MAX_REASON, required="Say why the order is stopped."
    )
    if order.status not in OrderExecution.UNDER_WAY:
        raise _conflict(
            order, f"This order is {order.get_status_display().lower()}: there is nothing to stop."
        )
    idempotency.fill(key, order.pk)
    # One that was part of a batch execution may run already, under its own name.
    never_sent = order.status == OrderExecution.Status.PENDING and order.carried_by_id is None
    if never_sent and _stopped_before_start(locked, reason):
        return order
    intervention = OrderIntervention(order=order, kind=Kind.STOP, reason=reason, created_by=by.user)
    # The end of the cause proves later that the execution ended by this stop.
    cause = f"Stopped by {by.name}: {reason} [stop {intervention.pk}]"
    _begin(locked, intervention, {"error": STOPPED, "cause": cause})
    return order


def _stopped_before_start(locked: LockedRow[OrderExecution], reason: str) -> bool:
    """Cancel the start of an order and end it; False if a sender has begun to send the start."""
    entry = outbox.cancellable(OutboxEntry.Kind.START, locked.row.pk)
    if entry is None:
        return False
    work = UnitOfWork()
    outbox.cancel(work, entry, locked.now)
    try:
        with transaction.atomic():
            work.write()
    except ConditionFailed:  # a sender has leased the entry since it was read
        return False
    orders.record_stopped_before_start(locked.chain, locked.row, reason, by=locked.by)
    return True


@transaction.atomic(durable=True)
def note_redrives(intervention_id: UUID, count: int) -> int:
    """Record how often an execution had been redriven before the first call; returns the recorded count.

    A higher count later proves that a call of this service has redriven it.
    """
    row = OrderIntervention.objects.select_for_update().get(pk=intervention_id)
    if row.redrives_before is None:
        row.redrives_before = count
        work = UnitOfWork()
        work.update(row, "redrives_before")
        work.write()
    return row.redrives_before


def _locked(
    order_id: str,
    by: Actor,
    attempt: UUID | None,
    key: idempotency.Key | None,
) -> LockedRow[OrderExecution]:
    """The last attempt at an order, locked and checked: no intervention in it is under way."""
    idempotency.keep(key)
    policy.may(Action.INTERVENE_IN_ORDERS, None, by=by).or_raise()
    order = OrderExecution.objects.attempts_at(order_id).select_for_update().first()
    if order is None:
        raise NotFound
    # Read after the lock: its last holder may have begun the next attempt.
    last = OrderExecution.objects.attempts_at(order_id).values_list("pk", flat=True).first()
    if order.pk != last or attempt not in {None, order.pk}:
        raise _conflict(order, "This order has been restarted: there is a newer attempt.")
    under_way = order.interventions.filter(ended_at=None).first()
    if under_way is not None:
        what = {Kind.REDRIVE: "restarted", Kind.STOP: "stopped"}[Kind(under_way.kind)]
        raise _conflict(order, f"This order is being {what}: wait until Step Functions has it.")
    return locked_rows.row_with_facts(order, by=by)


def _begin(
    locked: LockedRow[OrderExecution], intervention: OrderIntervention, call: dict[str, str]
) -> None:
    """Store an intervention with the call that it makes."""
    work = UnitOfWork()
    work.insert(intervention)
    payload = json.dumps(call, ensure_ascii=False).encode()
    sent_as = OUTBOX_KIND_OF[intervention.kind]
    entry = outbox.new_entry(sent_as, intervention.pk, payload, not_before=locked.now)
    work.insert(entry)
    data = {
        "intervention": str(intervention.pk),
        "reason": intervention.reason,
        "status": locked.row.status,
    }
    audit.record(work, locked.chain, KIND_OF[intervention.kind], by=locked.by, data=data)
    work.write()
    wake_ups.after_commit(wake_ups.DELIVER, entry.pk, order=locked.row.order_id)


def _conflict(order: OrderExecution, message: str) -> OrderConflict:
    return OrderConflict(message, order_id=order.order_id, order_status=order.status)
