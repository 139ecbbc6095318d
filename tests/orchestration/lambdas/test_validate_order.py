"""An order is checked before anything is charged."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.orchestration.lambdas import validate_order
from approvals.orchestration.lambdas.failures import PriceMismatch, ValidationError
from tests.orchestration.lambdas.payments import new, numbers, pay

pytestmark = pytest.mark.usefixtures("tables")


@pytest.mark.parametrize("kind", ["paid", "fraud", "insufficient_funds", "out_of_stock"])
def test_order_that_adds_up_is_valid(kind: str) -> None:
    placed = new(kind)

    checked = validate_order.handler(placed, None)

    assert checked["valid"] is True
    assert float(checked["amount"]) == placed["total"]
    assert checked["currency"] == placed["currency"]


@pytest.mark.parametrize(
    "change",
    [
        {"order_id": "  "},
        {"items": []},
        {"items": "one of each"},
        {"items": ["a"]},
        {"items": [{"sku": "A", "quantity": 0, "unit_price": 3}]},
        {"items": [{"sku": "A", "quantity": True}]},
        {"total": 0},
        {"total": -3},
        {"total": "much"},
        {"total": "NaN"},
        {"total": [1]},
        {"total": 1e30},
        {"currency": "euro"},
        {"customer": {"email": "nobody"}},
    ],
)
def test_order_that_cannot_be_right_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        validate_order.handler(new("paid") | change, None)


def test_total_that_differs_from_its_lines_is_for_a_person() -> None:
    with pytest.raises(PriceMismatch, match="lines come to"):
        validate_order.handler(new("price_mismatch"), None)


def test_plain_order_needs_only_an_id_and_an_amount() -> None:
    assert validate_order.handler({"order_id": "1", "amount": 9.9}, None)["amount"] == "9.90"
    assert pay({"order_id": f"plain-{next(numbers)}", "amount": 9.9})["repeated"] is False
