"""A parcel is booked once; an address that no carrier serves is refused."""

from __future__ import annotations

import pytest

from approvals.orchestration.lambdas import ledger, schedule_shipment
from approvals.orchestration.lambdas.failures import AddressUndeliverable
from tests.orchestration.lambdas.payments import new

pytestmark = pytest.mark.usefixtures("tables")


def test_function_that_runs_again_books_nothing_twice() -> None:
    placed = new("paid")

    answers = [schedule_shipment.handler(placed, None) for _ in range(2)]

    assert [answer["repeated"] for answer in answers] == [False, True]
    assert ledger.find(placed["order_id"], "shipment#1") is not None


def test_parcel_can_be_refused() -> None:
    with pytest.raises(AddressUndeliverable):
        schedule_shipment.handler(new("undeliverable"), None)
