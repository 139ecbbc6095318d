"""A payment is taken once, however often it is asked for, and a held one once a person approves it."""

from __future__ import annotations

import threading

import pytest

from approvals.orchestration.lambdas import amounts, ledger, rollback_payment
from approvals.orchestration.lambdas.failures import (
    ChargeConflict,
    FraudSuspected,
    InsufficientFundsError,
    PaymentGatewayTimeout,
)
from tests.orchestration.lambdas.payments import APPROVED, charges, new, pay

pytestmark = pytest.mark.usefixtures("tables")


def test_payment_asked_for_again_is_taken_once() -> None:
    placed = new("paid")

    first, again = pay(placed), pay(placed)

    assert (first["repeated"], again["repeated"]) == (False, True)
    assert first["charge_id"] == again["charge_id"]
    assert len(charges(placed)) == 1


def test_simultaneous_payments_take_the_money_once() -> None:
    placed, receipts = new("paid"), []
    threads = [
        threading.Thread(target=lambda: receipts.append(pay(placed)["charge_id"])) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(receipts) == 6
    assert len(set(receipts)) == len(charges(placed)) == 1


def test_charge_whose_answer_was_lost_is_found_by_the_retry() -> None:
    placed = new("gateway_timeout")

    for taken in (0, 1):
        with pytest.raises(PaymentGatewayTimeout):
            pay(placed)
        assert len(charges(placed)) == taken

    assert pay(placed)["repeated"] is True
    assert len(charges(placed)) == 1


def test_other_amount_for_an_order_charged_before_is_a_conflict() -> None:
    placed = new("paid")
    pay(placed)

    with pytest.raises(ChargeConflict):
        pay(placed | {"total": 1})
    assert len(charges(placed)) == 1


def test_declined_card_is_not_charged() -> None:
    placed = new("insufficient_funds")

    with pytest.raises(InsufficientFundsError):
        pay(placed)
    assert charges(placed) == []


def test_fraud_hold_is_lifted_by_an_approval_of_that_hold_only() -> None:
    placed = new("fraud")

    for review, error in [(None, ""), ({"approved": False}, "FraudSuspected")]:
        with pytest.raises(FraudSuspected):
            pay(placed, review, error)
    with pytest.raises(FraudSuspected):
        pay(placed, APPROVED, "PriceMismatch")
    assert pay(placed, APPROVED, "FraudSuspected")["decision_id"] == "d-1"


def test_lifted_hold_stays_lifted_for_the_same_amount() -> None:
    placed = new("fraud")
    approval = f"approval#charge-{placed['order_id']}#{amounts.amount_due(placed)}"
    ledger.write_once(placed["order_id"], approval, decision_id="d-0")

    with pytest.raises(FraudSuspected):
        pay(placed | {"total": placed["total"] + 1}, APPROVED, "PaymentGatewayTimeout")
    assert pay(placed, APPROVED, "PaymentGatewayTimeout")["repeated"] is False


def test_blocked_card_stays_blocked_whatever_a_reviewer_says() -> None:
    with pytest.raises(FraudSuspected):
        pay(new("blocked"), APPROVED, "FraudSuspected")


def test_refunded_order_is_charged_anew_under_the_next_key() -> None:
    placed = new("paid")
    pay(placed)
    rollback_payment.handler(placed, None)

    assert pay(placed)["repeated"] is False
    assert pay(placed)["repeated"] is True
    assert [charge["entry"][-2:] for charge in charges(placed)][-1] == ".2"
