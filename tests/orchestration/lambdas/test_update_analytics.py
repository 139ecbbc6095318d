"""A paid order is counted once, with what was charged."""

from __future__ import annotations

import pytest

from approvals.orchestration.lambdas import ledger, update_analytics
from tests.orchestration.lambdas.payments import new

pytestmark = pytest.mark.usefixtures("tables")


def test_function_that_runs_again_counts_nothing_twice() -> None:
    placed = new("paid")

    answers = [update_analytics.handler(placed, None) for _ in range(2)]

    assert [answer["repeated"] for answer in answers] == [False, True]
    counted = ledger.find(placed["order_id"], "analytics#order_paid")
    assert counted is not None
    assert (float(counted["amount"]), counted["currency"]) == (placed["total"], placed["currency"])
