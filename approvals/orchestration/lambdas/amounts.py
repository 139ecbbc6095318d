"""The amounts of an order, from its lines and its total, in exact decimals."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from approvals.orchestration.lambdas.failures import ValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping

_CENT = Decimal("0.01")
MAX_MAGNITUDE = 15  # digits before the point, of an amount and of a quantity


def stated_total(order: Mapping[str, Any]) -> Decimal | None:
    """The total (or `amount`) the order itself states; None when it states none."""
    stated = order.get("total", order.get("amount"))
    return None if stated is None else money(stated, "total")


def computed_total(order: Mapping[str, Any]) -> Decimal | None:
    """Lines, shipping and tax less discount; None when a line has no price to compute from."""
    lines = order.get("items") or []
    if not lines or any("unit_price" not in line for line in lines):
        return None
    goods = sum((_price(line, "unit_price") * quantity(line) for line in lines), Decimal())
    due = goods + _price(order, "shipping_cost") + _price(order, "tax") - _price(order, "discount")
    return money(str(due), "total")


def amount_due(order: Mapping[str, Any]) -> Decimal:
    """The amount to charge: the stated total, else the computed one.

    Raises ValidationError when there is neither, or it is not above zero.
    """
    due = stated_total(order)
    if due is None:
        due = computed_total(order)
    if due is None or due <= 0:
        raise ValidationError("The order has nothing to charge.")
    return due


def currency(order: Mapping[str, Any]) -> str:
    """The order's currency, USD without one. Raises ValidationError unless it is a three-letter code."""
    code = order.get("currency", "USD")
    if not (isinstance(code, str) and len(code) == 3 and code.isascii() and code.isupper()):
        raise ValidationError("The currency is not a three-letter code.")
    return code


def quantity(line: Mapping[str, Any]) -> int:
    """The quantity of a line. Raises ValidationError unless it is a whole number above zero."""
    count = line.get("quantity", 1)
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise ValidationError(f"The quantity of {line.get('sku', 'a line')} is not above zero.")
    if count >= 10**MAX_MAGNITUDE:
        raise ValidationError(f"The quantity of {line.get('sku', 'a line')} is too large.")
    return count


def money(value: object, name: str) -> Decimal:
    """A JSON number or string as an amount with two places. Raises ValidationError."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValidationError(f"{name} is not an amount.")
    try:
        amount = Decimal(str(value))  # a whole number of over 4,300 digits raises ValueError
        # Judged before it is computed with: `abs` of 1E1000000 raises Overflow.
        if amount.is_finite() and (not amount or amount.adjusted() < MAX_MAGNITUDE):
            return amount.quantize(_CENT)
    except (ArithmeticError, ValueError):
        pass
    raise ValidationError(f"{name} is not an amount.")


def _price(source: Mapping[str, Any], name: str) -> Decimal:
    return money(source.get(name, 0), name)
