"""Lines are reserved all or none."""

from __future__ import annotations

import pytest

from approvals.orchestration.lambdas import ledger, reserve_inventory
from approvals.orchestration.lambdas.failures import OutOfStock
from tests.orchestration.lambdas.payments import new

pytestmark = pytest.mark.usefixtures("tables")


def test_lines_are_reserved_all_or_none() -> None:
    placed = new("paid")
    placed["items"].append({"sku": "OUT-OF-STOCK-1", "quantity": 1})

    with pytest.raises(OutOfStock):
        reserve_inventory.handler(placed, None)
    assert ledger.find_all(placed["order_id"], "reservation#") == []


def test_function_that_runs_again_reserves_nothing_twice() -> None:
    placed = new("paid")

    answers = [reserve_inventory.handler(placed, None) for _ in range(2)]

    assert answers[0] == answers[1]
    rows = ledger.find_all(placed["order_id"], "reservation#")
    assert [(row["sku"], int(row["quantity"])) for row in rows] == [
        (line["sku"], line["quantity"]) for line in placed["items"]
    ]
