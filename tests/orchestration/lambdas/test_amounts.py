"""The amounts of an order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.orchestration.lambdas import amounts, currencies
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


WRONG: list[object] = [
    *("10,50", "1,234.50", "1.234", "1e2", "1_000", "١٢", "²", "NaN"),
    *("Infinity", "+1", ".5", "5.", "", " ", "--1", "1 000", "0x1F"),
    *(0.001, 1e22, 1234567890123.455, float("nan"), True, [], {}),
]


@pytest.mark.parametrize(
    ("value", "currency"),
    [
        *((value, "EUR") for value in WRONG),
        *(("10.5", "JPY"), ("1.2345", "KWD"), ("1.999", None), ("9" * 65, "EUR"), (10**100, "EUR")),
    ],
)
def test_what_is_no_amount_in_its_currency_is_refused_and_never_rounded(
    value: object, currency: str | None
) -> None:
    with pytest.raises(ValidationError, match="tax is not an amount"):
        amounts.money(value, "tax", currency)


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        ("10", "EUR", "10.00"), ("10.5", "EUR", "10.50"), (" 10.50 ", "EUR", "10.50"), (7, "EUR", "7.00"),
        (0.1, "EUR", "0.10"), ("100", "JPY", "100"), ("1.234", "KWD", "1.234"), ("-5.00", "EUR", "-5.00"),
        ("12345678901234567890.12", "EUR", "12345678901234567890.12"), (812.5, "USD", "812.50"),
    ],
)  # fmt: skip
def test_an_amount_is_as_it_was_written_with_the_decimals_of_its_currency(
    value: object, currency: str, text: str
) -> None:
    assert str(amounts.money(value, "tax", currency)) == text


def test_sums_stay_exact_above_the_28_digits_of_pythons_context() -> None:
    lines = [{"quantity": 10**20 + 1, "unit_price": "123456789012.34"}]

    assert amounts.amount_due({"items": lines, "tax": "0.01"}) == Decimal(
        "12345678901234000000123456789012.35"
    )


@given(
    whole=st.integers(min_value=0, max_value=10**40),
    code=st.sampled_from(["EUR", "JPY", "KWD", "CLF", "USD"]),
    data=st.data(),
)
def test_every_amount_comes_out_to_its_last_decimal(
    whole: int, code: str, data: st.DataObject
) -> None:
    places = data.draw(st.integers(0, currencies.decimals(code)))
    digits = str(whole).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}" if places else digits

    assert amounts.money(text, "total", code) == Decimal(text)
    if whole:
        assert amounts.amount_due({"total": text, "currency": code}) == Decimal(text)
