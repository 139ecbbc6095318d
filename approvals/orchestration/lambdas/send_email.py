"""Deployed as `send-email`: confirms an order to its customer once.

The sample sends nothing, it writes the message to the ledger; `@bounce.example` is refused.
"""

from __future__ import annotations

from typing import Any

from approvals.orchestration.lambdas import ledger
from approvals.orchestration.lambdas.failures import MailboxUnavailable


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Send the confirmation unless it was sent. Raises MailboxUnavailable."""
    customer = event.get("customer")
    recipient = str(customer.get("email", "")) if isinstance(customer, dict) else ""
    if recipient.endswith("@bounce.example"):
        raise MailboxUnavailable("550 mailbox unavailable")
    sent_now = ledger.write_once(str(event["order_id"]), "email#confirmation", recipient=recipient)
    return {"sent": True, "repeated": not sent_now}
