"""Starts the order workflow: one execution for each order, however often the order is sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.db import connection

from approvals import arns, policy
from approvals.actions import orders
from approvals.actors import Actor
from approvals.exceptions import Invalid
from approvals.models import OrderExecution
from approvals.orchestration import order_amounts
from approvals.policy import Action
from approvals.records import idempotency

PATIENCE = 3.0  # seconds
FIRST_PAUSE, LONGEST_PAUSE = 0.03, 0.5  # seconds

_waiting: set[int] = set()  # threads, at most ORDER_STARTS_AWAITED
_waiting_lock = threading.Lock()


def start_order_fulfillment(
    order: Mapping[str, Any], *, by: Actor, key: idempotency.Key | None = None
) -> tuple[OrderExecution, bool]:
    """Accept an order for the configured state machine; returns its row, and whether it is new.

    Its amounts are judged first (`order_amounts`). Raises what `actions.orders.accept` does.
    """
    machine, qualifier = arns.split_qualifier(settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN)
    try:
        checked = order_amounts.checked(order)
    except Invalid:
        policy.may(
            Action.START_ORDER, None, by=by
        ).or_raise()  # who may not start it learns only that
        raise
    return orders.accept(
        checked, state_machine_arn=machine, qualifier=qualifier, written=order, by=by, key=key
    )


def await_start_if_few_wait(order: OrderExecution, before: Callable[[], object]) -> OrderExecution:
    """Call `before` and `await_start`, unless ORDER_STARTS_AWAITED threads of this process wait already."""
    with _waiting_lock:
        may_wait = len(_waiting) < settings.ORDER_STARTS_AWAITED
        if may_wait:
            _waiting.add(me := threading.get_ident())
    if not may_wait:
        return order
    try:
        before()
        return await_start(order)
    finally:
        with _waiting_lock:
            _waiting.discard(me)


def await_start(order: OrderExecution) -> OrderExecution:
    """Wait up to 3 s until a worker has started the order's execution; returns the row as it is then."""
    until, pause = time.monotonic() + PATIENCE, FIRST_PAUSE
    while order.status == OrderExecution.Status.PENDING and time.monotonic() < until:
        if not connection.in_atomic_block:
            connection.close()  # a waiting request keeps no connection of the pool
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
        order.refresh_from_db(fields=["execution_arn", "status", "started_at", "refusal"])
    return order
