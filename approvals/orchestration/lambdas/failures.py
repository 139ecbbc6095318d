"""The errors by which the Lambda functions speak to the workflow.

Step Functions matches the bare class name, case and all, so renaming a class here means renaming it
in `definitions/order_fulfillment.asl.json`; a test keeps the two together.
"""

from __future__ import annotations


class ValidationError(Exception):
    """The order can never be fulfilled as it stands; nobody needs to look at it."""


class PriceMismatch(Exception):
    """The total does not follow from the lines; a person decides what to charge."""


class ServiceUnavailableError(Exception):
    """A service we depend on is away for the moment; trying again is right."""


class PaymentGatewayTimeout(Exception):
    """No answer in time: the card may or may not have been charged."""


class InsufficientFundsError(Exception):
    """The card was declined; the customer is told and the order ends."""


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
    """The money cannot be returned by machine; somebody has to do it by hand."""
