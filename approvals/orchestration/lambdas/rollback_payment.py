"""Deployed as `rollback-payment`: compensates for an order that will not be shipped.

It refunds every charge that has not been refunded and releases the goods. It also runs after a
review that ended the order, because a gateway timeout may have charged the card unnoticed.
"""

from __future__ import annotations

from typing import Any

from approvals.orchestration.lambdas import gateway, ledger
from approvals.orchestration.lambdas.failures import RefundRefused


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Release the goods and refund the charges; running again changes nothing.

    Raises RefundRefused when the gateway refuses, or the parcel has left: then a person decides.
    """
    order_id = str(event["order_id"])
    if ledger.find(order_id, "shipment#1") is not None:
        raise RefundRefused("The order has been shipped; it is not refunded by machine.")
    released = _release(order_id)
    charges = ledger.find_all(order_id, "charge#")
    keys = [charge["entry"].removeprefix("charge#") for charge in charges]
    refunded = [key for key in keys if gateway.refund(order_id, key)]
    return {"released": released, "refunded": refunded, "charges": len(charges)}


def _release(order_id: str) -> int:
    reservations = ledger.find_all(order_id, "reservation#")
    for reservation in reservations:
        ledger.delete(order_id, reservation["entry"])
    return len(reservations)
