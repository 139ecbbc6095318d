"""The amounts of an order."""

from __future__ import annotations

from decimal import Decimal

import pytest

from approvals.orchestration.lambdas import amounts
from approvals.orchestration.lambdas.failures import ValidationError


def test_missing_total_is_computed_from_the_lines() -> None:
    lines = [{"quantity": 3, "unit_price": 0.1}]
    placed = {"items": lines, "tax": "0.05", "shipping_cost": 1, "discount": 0.35}

    assert amounts.amount_due(placed) == Decimal("1.00")
    with pytest.raises(ValidationError):
        amounts.amount_due({"items": [{"quantity": 3}]})


def test_amounts_are_exact_and_a_currency_is_three_capital_letters() -> None:
    assert amounts.money(0.1, "tax") + amounts.money("0.20", "tax") == Decimal("0.30")
    assert amounts.currency({}) == "USD"
    for wrong in ("eur", "EURO", "ÉUR", 978):
        with pytest.raises(ValidationError):
            amounts.currency({"currency": wrong})
