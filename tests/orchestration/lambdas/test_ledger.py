"""The ledger: a row is written once, and found again by the order and the entry."""

from __future__ import annotations

import pytest

from approvals.orchestration.lambdas import ledger
from tests.orchestration.lambdas.payments import numbers

pytestmark = pytest.mark.usefixtures("tables")


@pytest.fixture
def order_id() -> str:
    """An order that no other test has."""
    return f"ledger-{next(numbers)}"


def test_row_that_exists_is_not_written_again(order_id: str) -> None:
    assert ledger.write_once(order_id, "charge#1", amount="5.00")
    assert not ledger.write_once(order_id, "charge#1", amount="9.00")

    assert ledger.find(order_id, "charge#1") == {
        "order_id": order_id,
        "entry": "charge#1",
        "amount": "5.00",
    }
    assert ledger.find(order_id, "charge#2") is None


def test_rows_of_an_order_are_found_by_the_beginning_of_their_entry(order_id: str) -> None:
    for entry in ("refund#1", "charge#2", "charge#1"):
        ledger.write_once(order_id, entry)
    ledger.write_once(f"{order_id}-other", "charge#3")

    assert [row["entry"] for row in ledger.find_all(order_id, "charge#")] == [
        "charge#1",
        "charge#2",
    ]


def test_counter_starts_at_one_and_a_deleted_row_may_be_missing(order_id: str) -> None:
    assert [ledger.count(order_id, "attempt#1") for _ in range(3)] == [1, 2, 3]

    for _ in range(2):
        ledger.delete(order_id, "attempt#1")

    assert ledger.count(order_id, "attempt#1") == 1
