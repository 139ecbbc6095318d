"""Deployed as `notify-payment-failed`: notifies a customer once that the payment was declined."""

from __future__ import annotations

from typing import Any

from approvals.orchestration.lambdas import ledger


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Send the notice unless it was sent."""
    customer = event.get("customer")
    recipient = str(customer.get("email", "")) if isinstance(customer, dict) else ""
    sent_now = ledger.write_once(
        str(event["order_id"]), "email#payment_failed", recipient=recipient
    )
    return {"sent": True, "repeated": not sent_now}
