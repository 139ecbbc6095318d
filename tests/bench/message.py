"""The messages of the benchmarks: the full message of schema version 1, about 1.4 KB as a workflow sends it."""

from __future__ import annotations

import json
import secrets
from typing import Any

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
CUSTOMERS = ("Ada Lovelace", "Grace Hopper", "Alan Turing", "Edsger Dijkstra", "Barbara Liskov")
_ITEMS = [
    {"sku": f"LAMP-{n}", "name": f"Desk lamp, model {n}", "quantity": n, "price": 40.5 * n}
    for n in range(1, 6)
]
_ADDRESS = {"street": "Mill Lane 12", "city": "Ghent", "postcode": "9000", "country": "BE"}


def token() -> str:
    """A task token of the usual length."""
    return "AQC" + secrets.token_urlsafe(350)


def execution(reference: str) -> str:
    """The ARN of the execution of an order."""
    return f"arn:aws:states:us-east-1:123456789012:execution:orders:{reference}"


def message(reference: str, task_token: str, number: int = 0) -> dict[str, Any]:
    """One message; `number` varies customer, amount and priority."""
    customer = CUSTOMERS[number % len(CUSTOMERS)]
    return {
        "schemaVersion": "1",
        "taskToken": task_token,
        "orderId": reference,
        "title": f"Check the order {reference} of {customer}",
        "priority": number % 7,
        "error": {"Error": "FraudSuspected", "Cause": '{"errorMessage": "The card is new here."}'},
        "executionArn": execution(reference),
        "stateMachineArn": MACHINE,
        "stateName": "ManualReview",
        "timeoutSeconds": 30 * 24 * 3600,
        "input": {
            "order_id": reference,
            "customer": {"name": customer, "email": "buyer@example.com", "address": _ADDRESS},
            "total": 100.0 + number % 900,
            "currency": "EUR",
            "items": _ITEMS,
        },
    }


def body_of(sent: dict[str, Any]) -> str:
    """A message as SQS carries it."""
    return json.dumps(sent)


def body(reference: str, number: int = 0) -> str:
    """One message as SQS carries it, with a task token of its own."""
    return body_of(message(reference, token(), number))
