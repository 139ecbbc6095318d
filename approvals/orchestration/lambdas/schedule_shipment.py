"""Deployed as `schedule-shipment`: books one parcel per order.

The sample carrier delivers everywhere but to Antarctica (country `AQ`).
"""

from __future__ import annotations

from typing import Any

from approvals.orchestration.lambdas import ledger
from approvals.orchestration.lambdas.failures import AddressUndeliverable


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Book the parcel, or find it booked. Raises AddressUndeliverable."""
    address = event.get("shipping_address")
    if isinstance(address, dict) and address.get("country") == "AQ":
        raise AddressUndeliverable("No carrier delivers to Antarctica.")
    order_id = str(event["order_id"])
    tracking_number = f"CS{order_id}"
    booked_now = ledger.write_once(order_id, "shipment#1", tracking_number=tracking_number)
    return {"tracking_number": tracking_number, "repeated": not booked_now}
