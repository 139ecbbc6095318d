"""Deployed as `process-payment`: charges an order once, however often it runs.

The event is `{"order": ..., "review": null or the reviewer's decision, "idempotency_key": ...}`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from approvals.orchestration.lambdas import gateway, ledger
from approvals.orchestration.lambdas.amounts import amount_due, currency
from approvals.orchestration.lambdas.failures import ChargeConflict


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Charge the order, or find that it has been charged.

    Raises what the gateway raises, and ChargeConflict when another amount was charged before.
    """
    order = event["order"]
    payment = gateway.Payment(
        order_id=str(order["order_id"]),
        key=_open_key(str(order["order_id"]), event["idempotency_key"]),
        amount=amount_due(order),
        currency=currency(order),
        card=_card(order),
        decision_id=_decision_id(event.get("review")),
    )
    # Looked up first, because the response to an earlier attempt may have been lost.
    charged = gateway.find_charge(payment.order_id, payment.key)
    if charged is not None:
        return _result(_same_amount(charged, payment), repeated=True)
    lifted = _hold_lifted(payment, order, event.get("review"))
    return _result(gateway.charge(payment, hold_lifted=lifted), repeated=False)


def _open_key(order_id: str, key: str) -> str:
    """The key itself, or its next version once the charge under it has been refunded."""
    round_, open_key = 1, key
    while gateway.was_refunded(order_id, open_key):
        round_ += 1
        open_key = f"{key}.{round_}"
    return open_key


def _card(order: dict[str, Any]) -> str:
    payment = order.get("payment")
    return str(payment.get("card", "card_ok")) if isinstance(payment, dict) else "card_ok"


def _decision_id(review: object) -> str:
    return str(review.get("decision_id", "")) if isinstance(review, dict) else ""


def _hold_lifted(payment: gateway.Payment, order: dict[str, Any], review: object) -> bool:
    """Whether a reviewer has approved this amount while it was held for fraud.

    Kept in the ledger, so that a later review about something else does not bring the hold back.
    """
    entry = f"approval#{payment.key}#{payment.amount}"
    cents = f"{payment.amount:.2f}"  # an earlier release wrote two decimals in every currency
    entries = {entry} | (
        {f"approval#{payment.key}#{cents}"} if Decimal(cents) == payment.amount else set()
    )
    error = order.get("error")
    about_fraud = isinstance(error, dict) and error.get("Error") == "FraudSuspected"
    if about_fraud and isinstance(review, dict) and review.get("approved") is True:
        ledger.write_once(payment.order_id, entry, decision_id=payment.decision_id)
        return True
    return any(ledger.find(payment.order_id, each) is not None for each in entries)


def _same_amount(charged: dict[str, str], payment: gateway.Payment) -> dict[str, str]:
    # By value: an earlier release wrote two decimals in every currency.
    same = Decimal(charged["amount"]) == payment.amount and charged["currency"] == payment.currency
    if not same:
        raise ChargeConflict(
            f"Charged {charged['amount']} {charged['currency']} before, "
            f"now {payment.amount} {payment.currency} is due."
        )
    return charged


def _result(charged: dict[str, str], *, repeated: bool) -> dict[str, Any]:
    shown = ("charge_id", "amount", "currency", "decision_id")
    return {name: charged[name] for name in shown} | {"repeated": repeated}
