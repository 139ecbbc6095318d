"""The amounts of an order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

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


@pytest.mark.parametrize(
    "order",
    [
        {"total": "1E1000000"},
        {"total": "-1E1000000"},
        {"amount": 10**5000},
        {"items": [{"quantity": 10**4000, "unit_price": "1E14"}]},
        {"items": [{"quantity": 1, "unit_price": "1E999999"}], "discount": "1E999999"},
        {"items": [{"quantity": 10**14, "unit_price": "1E14"}]},
        {"total": "sNaN"},
    ],
    ids=["large", "negative", "digits", "quantity", "price", "product", "no number"],
)
def test_a_number_out_of_all_proportion_is_refused_as_an_order(order: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        amounts.amount_due(order)
