"""The errors that the Lambda functions raise and the order workflow catches or retries by name.

Step Functions matches the class name exactly, so renaming a class here means renaming it in
`definitions/order_fulfillment.asl.json`; a test compares the two.
"""

from __future__ import annotations


class ValidationError(Exception):
    """The order can never be fulfilled as it is; no person needs to review it."""


class PriceMismatch(Exception):
    """The total does not follow from the lines; a person decides what to charge."""


class ServiceUnavailableError(Exception):
    """A service we depend on is unavailable for the moment; the workflow retries."""


class PaymentGatewayTimeout(Exception):
    """No response in time: the card may or may not have been charged."""


class InsufficientFundsError(Exception):
    """The card was declined; the customer is notified and the order ends."""


class FraudSuspected(Exception):
    """The payment is held until a person approves it."""


class ChargeConflict(Exception):
    """The order has been charged before, with another amount."""


class OutOfStock(Exception):
    """A line of the order cannot be reserved."""


class MailboxUnavailable(Exception):
    """The customer's mail server refused the message for good."""


class AddressUndeliverable(Exception):
    """No carrier delivers to the address."""


class RefundRefused(Exception):
    """The gateway refuses the refund; a person has to return the money."""
