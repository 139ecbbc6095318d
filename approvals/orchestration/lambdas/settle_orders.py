"""Deployed as `settle-orders`: fulfils many orders in one call, those that need no review.

The event is `{"orders": [{"item", "name", "input"}, ...], "execution_arn", "execution_started"}`; an
order's `input` is the JSON text of its own execution's input. Each order goes through the same
functions that its own execution would call, with the same keys, so if both run, the second finds
what the first has done. An order that raises any error is held: it gets an execution of its own,
which retries, asks a person, or rolls back. So one bad order never holds the others.
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

TIME_FOR_ONE = 15_000  # milliseconds of the function's time that an order needs to be begun


class ChargeGivenBack(Exception):
    """The order has been charged and refunded; it must not be charged again here."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil the orders; returns which are settled, which are held, and the error of each held one.

    Raises ServiceUnavailableError where a table does not answer: no order is the cause, and the
    workflow retries the whole event.
    """
    settled, held, reasons = [], [], []
    for order in event["orders"]:
        reason = "OutOfTime"
        if context is None or context.get_remaining_time_in_millis() > TIME_FOR_ONE:
            reason = _settle(json.loads(order["input"]), event)
        if reason:
            held.append(order)
            reasons.append({"item": order["item"], "error": reason})
        else:
            settled.append(order["item"])
    return {"settled": settled, "held": held, "reasons": reasons}


def _settle(order: dict[str, Any], event: dict[str, Any]) -> str:
    """Fulfil one order; returns the name of the error that holds it, empty where it is settled."""
    try:
        _fulfil(order)
    except (BotoCoreError, ClientError) as error:
        raise ServiceUnavailableError(
            f"A table does not answer: {type(error).__name__}."
        ) from error
    except Exception as error:  # noqa: BLE001  (the order's own execution meets it and handles it)
        return type(error).__name__
    order_status.complete(
        str(order["order_id"]), event["execution_arn"], event["execution_started"]
    )
    return ""


def _fulfil(order: dict[str, Any]) -> None:
    """Call what the order workflow calls where there is no error, in the same order."""
    validate_order.handler(order, None)
    key = f"charge-{order['order_id']}"
    # A function runs on after its execution has ended, while its orders continue in executions of
    # their own: a charge that was refunded meanwhile must not be made again from here.
    if gateway.was_refunded(str(order["order_id"]), key):
        raise ChargeGivenBack
    process_payment.handler({"order": order, "review": None, "idempotency_key": key}, None)
    reserve_inventory.handler(order, None)
    for notice in (send_email.handler, update_analytics.handler):
        _notify(notice, order)
    schedule_shipment.handler(order, None)


def _notify(notice: Any, order: dict[str, Any]) -> None:
    """Send a notice; a notice that fails changes nothing about the order."""
    try:
        notice(order, None)
    except (BotoCoreError, ClientError):
        raise
    except Exception:  # noqa: BLE001, S110  (as in the workflow, whose Catch goes on)
        pass
