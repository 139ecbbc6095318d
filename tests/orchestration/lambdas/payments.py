"""Orders of every kind, and their payments by the Lambda function."""

from __future__ import annotations

from itertools import count
from typing import Any

from approvals.orchestration.lambdas import ledger, process_payment
from local.order_traffic import order

APPROVED = {"approved": True, "decision_id": "d-1"}
numbers = count(1)


def new(kind: str) -> dict[str, Any]:
    """An order of this kind that no other test has."""
    return order(kind, next(numbers))


def pay(placed: dict[str, Any], review: object = None, error: str = "") -> dict[str, Any]:
    """Take the payment of an order, as the workflow does after this review of this error."""
    return process_payment.handler(
        {
            "order": placed | {"error": {"Error": error, "Cause": ""} if error else None},
            "review": review,
            "idempotency_key": f"charge-{placed['order_id']}",
        },
        None,
    )


def charges(placed: dict[str, Any]) -> list[dict[str, str]]:
    """The charges of an order in the ledger."""
    return ledger.find_all(placed["order_id"], "charge#")
