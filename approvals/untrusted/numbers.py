"""The one place that makes a Decimal of an untrusted value: magnitude is judged before any arithmetic.

Decimal's operators round to the context, so even `abs` of 1E1000000 raises Overflow.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

LONGEST = 100  # characters of a text that is read as a number


def decimal(value: Any, *, magnitude: int) -> Decimal | None:
    """A JSON number, or a text that holds one, as an exact Decimal below 10**magnitude.

    None for what is no number, is not finite, has `magnitude` or more digits before the point, or more than
    LONGEST behind it: written out, 1E-1000000 has a million, and PostgreSQL refuses it.
    """
    number = _judged(value, magnitude)
    exponent = number.as_tuple().exponent if number is not None else None
    if number is None or not isinstance(exponent, int) or exponent < -LONGEST:
        return None
    return number if number or exponent <= 0 else Decimal(0)


def rounded(value: Any, *, magnitude: int, places: int) -> Decimal | None:
    """The same, rounded to so many places, however many it has; None if that makes it 10**magnitude, too."""
    number = _judged(value, magnitude)
    if number is None:
        return None
    try:
        number = number.quantize(Decimal(1).scaleb(-places))
    except ArithmeticError:  # more digits than the context has
        return None
    return number if not number or number.adjusted() < magnitude else None


def _judged(value: Any, magnitude: int) -> Decimal | None:
    """The number that a value is, with any number of digits behind the point."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        text = str(value)  # an int of over 4,300 digits raises ValueError
        if len(text) > LONGEST:
            return None
        number = Decimal(text)
    except (ArithmeticError, ValueError):
        return None
    if not number.is_finite() or (number and number.adjusted() >= magnitude):
        return None
    return number
