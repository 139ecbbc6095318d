"""A sample payment gateway that keeps its charges in the ledger; the order's `payment.card` chooses its behaviour.

Replace this module to charge real cards; `process_payment` and `rollback_payment` stay. It has what
matters to the workflow of a real gateway: idempotency keys, and responses that get lost.

    card_ok           paid (so is any card not named here)
    card_declined     InsufficientFundsError
    card_fraud        FraudSuspected until a reviewer approves
    card_blocked      FraudSuspected, even after a reviewer approves
    card_timeout      two timeouts, the second *after* the card was charged
    card_unreachable  PaymentGatewayTimeout every time, without a charge
    card_outage       an error the workflow does not know
    card_no_refund    paid, but RefundRefused when the money should go back
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from approvals.orchestration.lambdas import ledger
from approvals.orchestration.lambdas.failures import (
    FraudSuspected,
    InsufficientFundsError,
    PaymentGatewayTimeout,
    RefundRefused,
)

if TYPE_CHECKING:
    from decimal import Decimal


@dataclass(frozen=True, kw_only=True)
class Payment:
    """A payment to charge. The same `key` (an idempotency key) makes it the same payment again."""

    order_id: str
    key: str
    amount: Decimal
    currency: str
    card: str
    decision_id: str


def find_charge(order_id: str, key: str) -> dict[str, str] | None:
    """The charge made under this key, if the gateway has one."""
    return ledger.find(order_id, f"charge#{key}")


def charge(payment: Payment, *, hold_lifted: bool) -> dict[str, str]:
    """Charge the card once per key.

    Raises InsufficientFundsError, FraudSuspected or PaymentGatewayTimeout; after the last one the
    card may have been charged.
    """
    match payment.card:
        case "card_declined":
            raise InsufficientFundsError("The issuer declined the charge: insufficient funds.")
        case "card_blocked":
            raise FraudSuspected("The card is on the gateway's own block list.")
        case "card_fraud" if not hold_lifted:
            raise FraudSuspected("Velocity rule: five cards tried from one address in ten minutes.")
        case "card_outage":
            raise ConnectionError("The gateway's certificate has expired.")
        case "card_timeout" | "card_unreachable":
            _time_out(payment)
    return _record_charge(payment)


def refund(order_id: str, key: str) -> bool:
    """Refund the charge made under this key; False when it has been refunded before.

    Raises RefundRefused when the gateway will not.
    """
    charged = find_charge(order_id, key)
    if charged is not None and charged["card"] == "card_no_refund":
        raise RefundRefused("The issuer does not accept refunds for this card.")
    fields = {} if charged is None else {name: charged[name] for name in ("amount", "currency")}
    return ledger.write_once(order_id, f"refund#{key}", **fields)


def was_refunded(order_id: str, key: str) -> bool:
    """Whether the charge made under this key has been refunded."""
    return ledger.find(order_id, f"refund#{key}") is not None


def _time_out(payment: Payment) -> NoReturn:
    attempts = ledger.count(payment.order_id, f"attempt#{payment.key}")
    if payment.card == "card_timeout" and attempts > 1:
        _record_charge(payment)
    raise PaymentGatewayTimeout(f"No answer within 10 seconds (attempt {attempts}).")


def _record_charge(payment: Payment) -> dict[str, str]:
    ledger.write_once(
        payment.order_id,
        f"charge#{payment.key}",
        charge_id=f"ch_{payment.key}",
        amount=str(payment.amount),
        currency=payment.currency,
        card=payment.card,
        decision_id=payment.decision_id,
    )
    charged = find_charge(payment.order_id, payment.key)
    if charged is None:
        raise LookupError("A charge just written cannot be found.")
    return charged
