"""The Lambda functions by themselves, against a real ledger table in the local account."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Any

import boto3
import pytest

from approvals.orchestration.lambdas import (
    amounts,
    gateway,
    ledger,
    notify_payment_failed,
    process_payment,
    reserve_inventory,
    rollback_payment,
    schedule_shipment,
    send_email,
    update_analytics,
    validate_order,
)
from approvals.orchestration.lambdas.failures import (
    AddressUndeliverable,
    ChargeConflict,
    FraudSuspected,
    InsufficientFundsError,
    MailboxUnavailable,
    OutOfStock,
    PaymentGatewayTimeout,
    PriceMismatch,
    RefundRefused,
    ValidationError,
)
from local.aws import Account, start
from local.order_traffic import order

APPROVED = {"approved": True, "decision_id": "d-1"}
numbers = count(1)


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    started = start()
    boto3.client(
        "dynamodb",
        endpoint_url=started.endpoint,
        region_name=started.region,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    ).create_table(
        TableName="ledger",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "order_id", "AttributeType": "S"},
            {"AttributeName": "entry", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "order_id", "KeyType": "HASH"},
            {"AttributeName": "entry", "KeyType": "RANGE"},
        ],
    )
    yield started
    started.stop()


@pytest.fixture(autouse=True)
def environment(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**account.environment(), "LEDGER_TABLE": "ledger"}.items():
        monkeypatch.setenv(name, value)


def new(kind: str) -> dict[str, Any]:
    return order(kind, next(numbers))


def pay(placed: dict[str, Any], review: object = None, error: str = "") -> dict[str, Any]:
    return process_payment.handler(
        {
            "order": placed | {"error": {"Error": error, "Cause": ""} if error else None},
            "review": review,
            "idempotency_key": f"charge-{placed['order_id']}",
        },
        None,
    )


def charges(placed: dict[str, Any]) -> list[dict[str, str]]:
    return ledger.find_all(placed["order_id"], "charge#")


@pytest.mark.parametrize("kind", ["paid", "fraud", "insufficient_funds", "out_of_stock"])
def test_order_that_adds_up_is_valid(kind: str) -> None:
    placed = new(kind)

    checked = validate_order.handler(placed, None)

    assert checked["valid"] is True
    assert float(checked["amount"]) == placed["total"]
    assert checked["currency"] == placed["currency"]


@pytest.mark.parametrize(
    "change",
    [
        {"order_id": "  "},
        {"items": []},
        {"items": "one of each"},
        {"items": ["a"]},
        {"items": [{"sku": "A", "quantity": 0, "unit_price": 3}]},
        {"items": [{"sku": "A", "quantity": True}]},
        {"total": 0},
        {"total": -3},
        {"total": "much"},
        {"total": "NaN"},
        {"total": [1]},
        {"total": 1e30},
        {"currency": "euro"},
        {"customer": {"email": "nobody"}},
    ],
)
def test_order_that_cannot_be_right_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        validate_order.handler(new("paid") | change, None)


def test_total_that_differs_from_its_lines_is_for_a_person() -> None:
    with pytest.raises(PriceMismatch, match="lines come to"):
        validate_order.handler(new("price_mismatch"), None)


def test_plain_order_needs_only_an_id_and_an_amount() -> None:
    assert validate_order.handler({"order_id": "1", "amount": 9.9}, None)["amount"] == "9.90"
    assert pay({"order_id": f"plain-{next(numbers)}", "amount": 9.9})["repeated"] is False


def test_missing_total_is_computed_from_the_lines() -> None:
    lines = [{"quantity": 3, "unit_price": 0.1}]
    placed = {"items": lines, "tax": "0.05", "shipping_cost": 1, "discount": 0.35}

    assert amounts.amount_due(placed) == Decimal("1.00")
    with pytest.raises(ValidationError):
        amounts.amount_due({"items": [{"quantity": 3}]})


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


def test_refunded_order_is_charged_anew_under_the_next_key() -> None:
    placed = new("paid")
    pay(placed)
    rollback_payment.handler(placed, None)

    assert pay(placed)["repeated"] is False
    assert pay(placed)["repeated"] is True
    assert [charge["entry"][-2:] for charge in charges(placed)][-1] == ".2"


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


def test_lines_are_reserved_all_or_none() -> None:
    placed = new("paid")
    placed["items"].append({"sku": "OUT-OF-STOCK-1", "quantity": 1})

    with pytest.raises(OutOfStock):
        reserve_inventory.handler(placed, None)
    assert ledger.find_all(placed["order_id"], "reservation#") == []


@pytest.mark.parametrize(
    ("function", "entry"),
    [
        (send_email, "email#confirmation"),
        (notify_payment_failed, "email#payment_failed"),
        (update_analytics, "analytics#order_paid"),
        (schedule_shipment, "shipment#1"),
    ],
)
def test_function_that_runs_again_does_nothing_twice(function: Any, entry: str) -> None:
    placed = new("paid")

    answers = [function.handler(placed, None) for _ in range(2)]

    assert [answer["repeated"] for answer in answers] == [False, True]
    assert ledger.find(placed["order_id"], entry) is not None


def test_customer_of_the_textbook_may_be_a_plain_string() -> None:
    placed = {"order_id": f"plain-{next(numbers)}", "customer": "C-1", "amount": 5}

    assert send_email.handler(placed, None)["sent"] is True
    assert notify_payment_failed.handler(placed, None)["sent"] is True


def test_mail_and_parcel_can_be_refused() -> None:
    with pytest.raises(MailboxUnavailable):
        send_email.handler(new("paid") | {"customer": {"email": "a@bounce.example"}}, None)
    with pytest.raises(AddressUndeliverable):
        schedule_shipment.handler(new("undeliverable"), None)
