"""The amounts of an order, from its lines and its total, in exact decimals.

The service judges an order by the same functions before it starts its execution. An amount is decimal
text: digits, and a point before at most as many decimals as its currency has. Nothing is rounded, and
no amount goes through a float that could have changed it.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation, localcontext
from typing import TYPE_CHECKING, Any

from approvals.orchestration.lambdas import currencies
from approvals.orchestration.lambdas.failures import ValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping

# The members of an order, and of each of its lines, that are amounts.
OF_AN_ORDER = ("total", "amount", "shipping_cost", "tax", "discount")
OF_A_LINE = ("unit_price",)
LONGEST = 64  # characters of an amount
SURE_DIGITS = (
    15  # a decimal of so many digits comes out of a float as it went in (IEEE 754 binary64)
)

_AMOUNT = re.compile(r"-?[0-9]+(?:\.([0-9]+))?")
# Sums of products stay exact, or are refused.
_EXACT = Context(prec=400, traps=[Inexact, InvalidOperation])


def stated_total(order: Mapping[str, Any]) -> Decimal | None:
    """The total (or `amount`) the order itself states; None when it states none."""
    stated = order.get("total", order.get("amount"))
    return None if stated is None else _money(order, stated, "total")


def computed_total(order: Mapping[str, Any]) -> Decimal | None:
    """Lines, shipping and tax less discount; None when a line has no price to compute from."""
    lines = order.get("items") or []
    if not lines or any("unit_price" not in line for line in lines):
        return None
    try:
        with localcontext(_EXACT):
            goods = sum(
                (
                    _money(order, line["unit_price"], "unit_price") * quantity(line)
                    for line in lines
                ),
                Decimal(),
            )
            extra = _part(order, "shipping_cost") + _part(order, "tax") - _part(order, "discount")
            return goods + extra
    except DecimalException:
        raise ValidationError("The lines come to no amount.") from None


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
    if count.bit_length() >= 4 * LONGEST:
        raise ValidationError(f"The quantity of {line.get('sku', 'a line')} is too large.")
    return count


def money(value: object, name: str, currency: object = None) -> Decimal:
    """A JSON number or text as an amount with the currency's decimals, two where none is stated.

    Raises ValidationError, with the value, for what is no amount, for more decimals than the currency
    has, and for a number of so many digits that it may have been rounded on its way.
    """
    places = currencies.decimals(currency)
    text = _text(value)
    found = _AMOUNT.fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        raise ValidationError(
            f"{name} is not an amount: {_shown(value)} is not digits with a point before the decimals."
        )
    decimals = len(found[1] or "")
    if decimals > places:
        of = currency if isinstance(currency, str) and currency else "An amount without a currency"
        raise ValidationError(
            f"{name} is not an amount: {_shown(value)} has {decimals} decimals; {of[:30]} has {places}."
        )
    return Decimal(text).quantize(Decimal(1).scaleb(-places), context=_EXACT)


def _text(value: object) -> str:
    """The decimal text of a value; empty where it has none, and of a float that may have been changed."""
    if isinstance(value, str):
        return value.strip(" ")
    if isinstance(value, float):
        text = repr(float(value)).removesuffix(".0")
        return text if sum(map(str.isdigit, text)) <= SURE_DIGITS else ""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 4 * LONGEST:
        return str(value)
    return ""


def _shown(value: object) -> str:
    """A value in a sentence: at most 40 characters, all of them ASCII."""
    if isinstance(value, str):
        return ascii(value[:40]) + ("..." if len(value) > 40 else "")
    if isinstance(value, float):
        return repr(float(value))
    return _text(value) or "a value that is no number"


def _money(order: Mapping[str, Any], value: object, name: str) -> Decimal:
    return money(value, name, order.get("currency"))


def _part(order: Mapping[str, Any], name: str) -> Decimal:
    return _money(order, order.get(name, 0), name)
