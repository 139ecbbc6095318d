"""Untrusted numbers are judged before anything is computed with them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from approvals.untrusted import numbers
from approvals.untrusted.display import money

ODD = [
    "1E1000000", "-1E1000000", "1E-1000000", "1E999999999999999999", "1E-999999999999999999",
    "NaN", "sNaN", "-NaN123", "Infinity", "-Infinity", "9" * 99, "0." + "9" * 97, "9" * 900_000,
    "0E1000000", "-0E-1000000", "1E-101", "1e400", "", " ", "\uff11\uff12", "1_0", "0x10", "\0", 10**64, -(10**64),
    10**5000, 1e64, 1e-320, float("inf"), float("nan"), True, None, {}, [], {"a": 1}, "1E15",
    "999999999999999.99999", "999999999999999.9999999999999999999999999999999999", Decimal("1E99"),
]  # fmt: skip


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_no_value_raises_and_what_is_a_number_can_be_computed_with(value: object) -> None:
    exact = numbers.decimal(value, magnitude=15)
    short = numbers.rounded(value, magnitude=15, places=4)
    assert exact is None or exact.copy_abs() < 10**15
    assert exact is None or len(f"{exact:f}") < 120
    assert short is None or (abs(short) < 10**15 and short.as_tuple().exponent == -4)
    if not isinstance(value, int) or abs(value) < 10**4000:  # JSON has none: str() refuses it
        assert len(money(value, "EUR")) < 60


def test_a_number_keeps_its_digits_and_a_rounded_one_its_places() -> None:
    assert numbers.decimal("12.3456789", magnitude=2) == Decimal("12.3456789")
    assert numbers.rounded("12.34565", magnitude=2, places=4) == Decimal("12.3456")
    assert numbers.decimal(100, magnitude=2) is None
    assert numbers.rounded("99.99999", magnitude=2, places=4) is None
