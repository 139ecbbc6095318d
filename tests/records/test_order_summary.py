"""What lists show of an order, taken from its payload."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.records import order_summary


@pytest.mark.parametrize(
    ("order", "summary"),
    [
        (
            {"total": 812.5, "currency": "EUR", "customer": {"name": "Grace"}},
            {"total": "812.5", "currency": "EUR", "customer": "Grace"},
        ),
        ({"total": "1,5", "customer": "Grace"}, {"total": "1,5"}),
        ({"total": {"amount": 5}, "currency": ["EUR"], "customer": {"name": {}}}, {}),
        ({"total": None, "currency": True}, {"currency": "true"}),
        ({"total": "9" * 200, "currency": "E" * 200}, {"total": "9" * 101, "currency": "E" * 100}),
        ("no object", {}),
    ],
)
def test_it_has_the_texts_and_numbers_of_an_order_and_nothing_long(
    order: Any, summary: dict[str, str]
) -> None:
    assert order_summary.of({"input": order}) == summary
    assert order_summary.of(order) == {}
