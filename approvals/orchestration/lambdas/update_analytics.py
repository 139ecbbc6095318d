"""Deployed as `update-analytics`: counts a paid order once."""

from __future__ import annotations

from typing import Any

from approvals.orchestration.lambdas import ledger
from approvals.orchestration.lambdas.amounts import amount_due, currency


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Record the sale unless it has been recorded."""
    counted_now = ledger.write_once(
        str(event["order_id"]),
        "analytics#order_paid",
        amount=str(amount_due(event)),
        currency=currency(event),
    )
    return {"counted": True, "repeated": not counted_now}
