"""What the lines of an order come to."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.models import User
from approvals.web import payload_view
from approvals.web.payload_nodes import MAX_ADDED, Node
from tests import factories
from tests.web.conftest import Desk
from tests.web.pages import text

pytestmark = pytest.mark.django_db


def lines(*rows: dict[str, Any]) -> Node:
    """The table of an order's lines."""
    order = {"items": list(rows), "currency": "EUR", "total": 1}
    table = payload_view.review_order(factories.review(input=order)).lines
    assert table is not None
    return table


def cells(table: Node) -> list[list[str]]:
    """The texts of a table, its head first."""
    head = [column.label for column in table.columns]
    return [head, *([cell.text for cell in row] for row in table.rows)]


def test_each_line_has_its_total_and_the_table_their_sum() -> None:
    table = lines(
        {"sku": "KB", "quantity": 2, "unit_price": 134.5},
        {"sku": "MON", "quantity": 1, "unit_price": 0.1},
    )
    assert cells(table) == [
        ["SKU", "Quantity", "Unit price", "Total"],
        ["KB", "2", "134.50", "269.00"],
        ["MON", "1", "0.10", "0.10"],
    ]
    assert table.sum == "EUR 269.10"


def test_totals_that_the_lines_state_are_added_up_and_not_shown_twice() -> None:
    table = lines({"sku": "KB", "quantity": 2, "price": 3, "total": 5.5}, {"sku": "A", "total": 1})
    assert [column.label for column in table.columns].count("Total") == 1
    assert table.sum == "EUR 6.50"


@pytest.mark.parametrize(
    "row",
    [
        {"sku": "KB"},
        {"quantity": 2, "sku": "KB"},
        {"quantity": "two", "unit_price": 3, "sku": "KB"},
        {"quantity": True, "unit_price": 3, "sku": "KB"},
        {"quantity": 10**13, "unit_price": 3, "sku": "KB"},
        {"total": None, "quantity": 1, "unit_price": 3, "sku": "KB"},
    ],
)
def test_a_sum_that_lacks_a_line_is_not_shown(row: dict[str, Any]) -> None:
    table = lines({"sku": "MON", "quantity": 1, "unit_price": 9}, row)
    assert table.sum == ""


def test_no_more_lines_are_added_up_than_a_page_has_time_for() -> None:
    row = {"sku": "KB", "quantity": 1, "unit_price": 1}
    assert lines(*([row] * MAX_ADDED)).sum == "EUR 5,000.00"
    assert lines(*([row] * (MAX_ADDED + 1))).sum == ""


def test_the_sum_stands_below_the_table(desk: Desk, alice: User) -> None:
    order = {"items": [{"sku": "KB", "quantity": 3, "unit_price": 4}], "currency": "EUR"}
    html = text(desk, alice, factories.review(input=order))
    assert "Sum of the lines <strong>EUR 12.00</strong>" in html
