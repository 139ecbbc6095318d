"""Deployed as `validate-order`: checks whether an order can be fulfilled, and returns what it costs."""

from __future__ import annotations

from typing import Any

from approvals.orchestration.lambdas.amounts import (
    amount_due,
    computed_total,
    currency,
    quantity,
    stated_total,
)
from approvals.orchestration.lambdas.failures import PriceMismatch, ValidationError


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Check the order; raises ValidationError, or PriceMismatch, which a person reviews."""
    if str(event.get("order_id", "")).strip() == "":
        raise ValidationError("The order has no order_id.")
    _check_lines(event)
    _check_customer(event)
    due = amount_due(event)
    _check_price(event)
    return {"valid": True, "amount": str(due), "currency": currency(event)}


def _check_lines(order: dict[str, Any]) -> None:
    lines = order.get("items", [])
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise ValidationError("items is not a list of lines.")
    if "items" in order and not lines:
        raise ValidationError("The order has no lines.")
    for line in lines:
        quantity(line)


def _check_customer(order: dict[str, Any]) -> None:
    customer = order.get("customer")
    email = customer.get("email") if isinstance(customer, dict) else None
    if email is not None and "@" not in str(email):
        raise ValidationError("The customer's e-mail address is not one.")


def _check_price(order: dict[str, Any]) -> None:
    stated, computed = stated_total(order), computed_total(order)
    if stated is not None and computed is not None and stated != computed:
        raise PriceMismatch(f"The order states {stated}, its lines come to {computed}.")
