"""Deployed as `settle-orders`: fulfils what can be fulfilled by machine of many orders at once.

The event is `{"orders": [{"item", "name", "input"}, ...], "execution_arn", "execution_started"}`; an
order's `input` is the JSON text of its own execution's input. Each order goes through the very
functions that its own execution would call, with the same keys, so whoever comes second finds what
the first has done. An order that raises anything is held: it gets an execution of its own, which
tries again, asks a person, or rolls back. So one bad order never holds the others.
"""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from approvals.orchestration.lambdas import (
    gateway,
    order_status,
    process_payment,
    reserve_inventory,
    schedule_shipment,
    send_email,
    update_analytics,
    validate_order,
)
from approvals.orchestration.lambdas.failures import ServiceUnavailableError

TIME_FOR_ONE = 15_000  # milliseconds that must be left to begin with another order


class ChargeGivenBack(Exception):
    """The order has been charged and refunded: whoever gave it back decides about it."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Settle the orders; says which are settled, and which are held for what.

    Raises ServiceUnavailableError where a table does not answer: that is no order's fault, and the
    whole event is to be tried again.
    """
    settled, held, reasons = [], [], []
    for order in event["orders"]:
        why = "OutOfTime"
        if context is None or context.get_remaining_time_in_millis() > TIME_FOR_ONE:
            why = _settle(json.loads(order["input"]), event)
        if why:
            held.append(order)
            reasons.append({"item": order["item"], "error": why})
        else:
            settled.append(order["item"])
    return {"settled": settled, "held": held, "reasons": reasons}


def _settle(order: dict[str, Any], event: dict[str, Any]) -> str:
    """Fulfil one order; returns the name of the error that holds it, or nothing."""
    try:
        _fulfil(order)
    except (BotoCoreError, ClientError) as away:
        raise ServiceUnavailableError(f"A table does not answer: {type(away).__name__}.") from away
    except Exception as error:  # noqa: BLE001  (its own execution will meet it, and says what to do)
        return type(error).__name__
    order_status.complete(
        str(order["order_id"]), event["execution_arn"], event["execution_started"]
    )
    return ""


def _fulfil(order: dict[str, Any]) -> None:
    """What the order workflow does where nothing goes wrong, in its order."""
    validate_order.handler(order, None)
    key = f"charge-{order['order_id']}"
    # Step Functions lets a function run on whose execution has ended, and its orders go on without it:
    # what was given back meanwhile must not be charged anew by the one who comes too late.
    if gateway.was_refunded(str(order["order_id"]), key):
        raise ChargeGivenBack
    process_payment.handler({"order": order, "review": None, "idempotency_key": key}, None)
    reserve_inventory.handler(order, None)
    for notice in (send_email.handler, update_analytics.handler):
        _notify(notice, order)
    schedule_shipment.handler(order, None)


def _notify(notice: Any, order: dict[str, Any]) -> None:
    """A customer keeps the order when only the notice of it failed."""
    try:
        notice(order, None)
    except (BotoCoreError, ClientError):
        raise
    except Exception:  # noqa: BLE001, S110  (as the workflow's Catch: nothing follows from it)
        pass
