"""A customer is notified once that the payment was declined."""

from __future__ import annotations

import pytest

from approvals.orchestration.lambdas import ledger, notify_payment_failed
from tests.orchestration.lambdas.payments import new, numbers

pytestmark = pytest.mark.usefixtures("tables")


def test_function_that_runs_again_sends_nothing_twice() -> None:
    placed = new("paid")

    answers = [notify_payment_failed.handler(placed, None) for _ in range(2)]

    assert [answer["repeated"] for answer in answers] == [False, True]
    assert ledger.find(placed["order_id"], "email#payment_failed") is not None


def test_customer_of_the_textbook_may_be_a_plain_string() -> None:
    placed = {"order_id": f"plain-{next(numbers)}", "customer": "C-1", "amount": 5}

    assert notify_payment_failed.handler(placed, None)["sent"] is True
