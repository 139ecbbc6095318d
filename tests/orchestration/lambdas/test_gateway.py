"""The sample payment gateway: one charge for a key, one refund of a charge, and responses that get lost."""

from __future__ import annotations

from decimal import Decimal

import pytest

from approvals.orchestration.lambdas import gateway, ledger
from approvals.orchestration.lambdas.failures import PaymentGatewayTimeout, RefundRefused
from tests.orchestration.lambdas.payments import numbers

pytestmark = pytest.mark.usefixtures("tables")


def payment(card: str, amount: str = "5.00", order_id: str = "") -> gateway.Payment:
    """A payment of an order that no other test has, unless one is given."""
    return gateway.Payment(
        order_id=order_id or f"gateway-{next(numbers)}",
        key="k",
        amount=Decimal(amount),
        currency="EUR",
        card=card,
        decision_id="",
    )


def test_same_key_is_the_same_charge_whatever_else_is_sent_with_it() -> None:
    first = payment("card_ok")
    again = payment("card_ok", amount="9.00", order_id=first.order_id)

    charged = gateway.charge(first, hold_lifted=False)

    assert gateway.charge(again, hold_lifted=False) == charged
    assert (charged["charge_id"], charged["amount"]) == ("ch_k", "5.00")


def test_charge_is_refunded_once() -> None:
    paid = payment("card_ok")
    gateway.charge(paid, hold_lifted=False)
    assert not gateway.was_refunded(paid.order_id, "k")

    assert [gateway.refund(paid.order_id, "k") for _ in range(2)] == [True, False]

    assert gateway.was_refunded(paid.order_id, "k")
    refund = ledger.find(paid.order_id, "refund#k")
    assert refund is not None
    assert (refund["amount"], refund["currency"]) == ("5.00", "EUR")


def test_refusal_of_a_refund_leaves_none_behind() -> None:
    paid = payment("card_no_refund")
    gateway.charge(paid, hold_lifted=False)

    with pytest.raises(RefundRefused):
        gateway.refund(paid.order_id, "k")

    assert not gateway.was_refunded(paid.order_id, "k")


def test_gateway_that_cannot_be_reached_never_charges() -> None:
    asked = payment("card_unreachable")

    for _ in range(3):
        with pytest.raises(PaymentGatewayTimeout):
            gateway.charge(asked, hold_lifted=False)

    assert gateway.find_charge(asked.order_id, "k") is None
