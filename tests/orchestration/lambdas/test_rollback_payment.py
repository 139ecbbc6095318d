"""A rollback gives back what was done for an order, once."""

from __future__ import annotations

import pytest

from approvals.orchestration.lambdas import (
    gateway,
    ledger,
    reserve_inventory,
    rollback_payment,
    schedule_shipment,
)
from approvals.orchestration.lambdas.failures import RefundRefused
from tests.orchestration.lambdas.payments import new, pay

pytestmark = pytest.mark.usefixtures("tables")


def test_rollback_refunds_once_and_releases_everything() -> None:
    placed = new("paid")
    pay(placed)
    reserve_inventory.handler(placed, None)

    first = rollback_payment.handler(placed, None)
    again = rollback_payment.handler(placed, None)

    assert first["refunded"] == [f"charge-{placed['order_id']}"]
    assert first["released"] == len(placed["items"])
    assert again == {"released": 0, "refunded": [], "charges": 1}
    assert len(ledger.find_all(placed["order_id"], "refund#")) == 1


def test_rollback_of_an_order_nothing_was_done_for_does_nothing() -> None:
    assert rollback_payment.handler(new("paid"), None) == {
        "released": 0,
        "refunded": [],
        "charges": 0,
    }


def test_refund_that_is_refused_is_for_an_operator() -> None:
    placed = new("refund_refused")
    pay(placed)

    with pytest.raises(RefundRefused):
        rollback_payment.handler(placed, None)
    assert not gateway.was_refunded(placed["order_id"], f"charge-{placed['order_id']}")


def test_shipped_order_is_never_refunded_by_machine() -> None:
    placed = new("paid")
    pay(placed)
    schedule_shipment.handler(placed, None)

    with pytest.raises(RefundRefused):
        rollback_payment.handler(placed, None)
