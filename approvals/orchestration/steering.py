"""Laying a hand on an order: restart one that has failed, stop one that is under way.

Neither calls AWS: what is to be said leaves by the outbox, and delivery knows what became of it.
"""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from approvals import policy
from approvals.actions import orders
from approvals.exceptions import Invalid, NotFound, OrderConflict
from approvals.models import OrderExecution, OrderIntervention, OutboxEntry, User
from approvals.records import audit, database_time, idempotency, outbox, wake_ups
from approvals.records.orders import ended_in_fail_state

REDRIVABLE_FOR = timedelta(days=14)  # dg/redrive-executions
MAX_REASON = 1_000
STOPPED = "OrderStopped"  # the error that the execution's history then shows

Kind = OrderIntervention.Kind


@transaction.atomic(durable=True)
def restart(
    order_id: str,
    *,
    by: User | None,
    surface: str,
    reason: str = "",
    attempt: UUID | None = None,
    receipt: idempotency.Key | None = None,
) -> OrderExecution:
    """Let a failed, timed out or aborted order go on; returns the attempt that does.

    It is redriven under its ARN within 14 days of its end. What cannot be redriven, or would only
    enter its Fail state again, begins anew as `order-<id>-r2`. Raises NotFound, NotAllowed, Invalid,
    and OrderConflict where the order is in no such state, its `attempt` is not the last one, or a
    hand is laid on it already.
    """
    order = _locked(order_id, by, surface, attempt, receipt)
    reason = _checked(reason)
    if order.status not in OrderExecution.RESTARTABLE:
        raise _conflict(
            order,
            f"This order is {order.get_status_display().lower()}: there is nothing to restart.",
        )
    why = why_anew(order)
    if why:
        made = orders.begin_attempt(order, by=by, surface=surface, why=why, reason=reason)
        idempotency.fill(receipt, made.pk)
        return made
    hand = _lay(order, Kind.REDRIVE, reason, by, surface)
    _enqueue(OutboxEntry.Kind.REDRIVE, hand, {"client_token": str(hand.pk)})
    idempotency.fill(receipt, order.pk)
    return order


@transaction.atomic(durable=True)
def stop(
    order_id: str,
    reason: str,
    *,
    by: User | None,
    surface: str,
    attempt: UUID | None = None,
    receipt: idempotency.Key | None = None,
) -> OrderExecution:
    """End an order that is under way, for a reason that its history keeps; its open reviews end with it.

    What nobody has begun to start is never started. Raises as `restart` does, and Invalid without a
    reason.
    """
    order = _locked(order_id, by, surface, attempt, receipt)
    reason = _checked(reason, needed=True)
    if order.status not in OrderExecution.UNDER_WAY:
        raise _conflict(
            order, f"This order is {order.get_status_display().lower()}: there is nothing to stop."
        )
    idempotency.fill(receipt, order.pk)
    # What a carrier told nothing of may run already, by its hand and under its own name.
    unheard_of = order.status == OrderExecution.Status.PENDING and order.carried_by_id is None
    if unheard_of and outbox.cancel(OutboxEntry.Kind.START, order.pk):
        orders.record_stopped_before_start(order, reason, by=by, surface=surface)
        return order
    hand = _lay(order, Kind.STOP, reason, by, surface)
    who = by.email if by else audit.SYSTEM
    # What proves later that it was this stop: the end of the cause, as with a decision's.
    cause = f"Stopped by {who}: {reason} [stop {hand.pk}]"
    _enqueue(OutboxEntry.Kind.STOP, hand, {"error": STOPPED, "cause": cause})
    return order


def why_anew(order: OrderExecution) -> str:
    """Why a redrive would be in vain; empty where Step Functions is asked for one."""
    if not order.execution_arn:
        return "never_started"
    if order.ended_at is not None and database_time.now() - order.ended_at >= REDRIVABLE_FOR:
        return "ended_14_days_ago"
    return "fail_state" if ended_in_fail_state(order) else ""


def _locked(
    order_id: str,
    by: User | None,
    surface: str,
    attempt: UUID | None,
    receipt: idempotency.Key | None,
) -> OrderExecution:
    """The last attempt at an order, which nobody else has a hand on. Raises what the verbs do."""
    idempotency.keep(receipt)
    if by is not None:
        policy.may(policy.STEER_ORDERS, None, by, surface).or_raise()
    order = OrderExecution.objects.attempts_at(order_id).select_for_update().first()
    if order is None:
        raise NotFound
    # Asked after the lock: whoever held it may have begun the next attempt.
    last = OrderExecution.objects.attempts_at(order_id).values_list("pk", flat=True).first()
    if order.pk != last or attempt not in {None, order.pk}:
        raise _conflict(order, "This order has been restarted: there is a newer attempt.")
    under_way = order.interventions.filter(ended_at=None).first()
    if under_way is not None:
        asked = {Kind.REDRIVE: "restarted", Kind.STOP: "stopped"}[Kind(under_way.kind)]
        raise _conflict(order, f"This order is being {asked}: wait until Step Functions has it.")
    return order


def _lay(
    order: OrderExecution, kind: Kind, reason: str, by: User | None, surface: str
) -> OrderIntervention:
    hand = OrderIntervention.objects.create(order=order, kind=kind, reason=reason, created_by=by)
    audit.record(
        audit.chain_of("order", order.pk),
        {Kind.REDRIVE: "order.restart_asked", Kind.STOP: "order.stop_asked"}[kind],
        by=by,
        surface=surface,
        data={"intervention": str(hand.pk), "reason": reason, "status": order.status},
    )
    return hand


def _enqueue(kind: OutboxEntry.Kind, hand: OrderIntervention, call: dict[str, str]) -> None:
    payload = json.dumps(call, ensure_ascii=False).encode()
    entry = outbox.enqueue(kind, hand.pk, payload, not_before=database_time.now())
    wake_ups.after_commit(wake_ups.DELIVER, entry.pk, order=hand.order.order_id)


def _checked(reason: str, *, needed: bool = False) -> str:
    """Raises Invalid for a reason that is missing, too long, or holds what cannot be stored."""
    if needed and not reason.strip():
        raise Invalid("Say why the order is stopped.", pointer="/reason")
    if len(reason) > MAX_REASON or "\0" in reason:
        raise Invalid(
            f"A reason has {MAX_REASON} characters at most, and no NUL.", pointer="/reason"
        )
    return reason.strip()


def _conflict(order: OrderExecution, message: str) -> OrderConflict:
    return OrderConflict(message, order_id=order.order_id, order_status=order.status)
