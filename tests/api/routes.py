"""Requests to the API by name: each with a body that it takes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tests.callers import Caller

ROUTES = {
    "list": ("get", "reviews/"),
    "read": ("get", "reviews/{review}/"),
    "events": ("get", "reviews/{review}/events/"),
    "queues": ("get", "queues/"),
    "claim": ("post", "reviews/{review}/claim/"),
    "renew": ("post", "reviews/{review}/renew/"),
    "release": ("post", "reviews/{review}/release/"),
    "next": ("post", "queues/manual-review/next/"),
    "decide": ("post", "reviews/{review}/decisions/"),
    "undo": ("post", "decisions/{decision}/undo/"),
    "orders": ("get", "orders/"),
    "order": ("get", "orders/ORD-1/"),
    "start": ("post", "orders/"),
}
BODIES = {"decide": {"outcome": "approved"}, "start": {"order_id": "ORD-1"}}


def ask(caller: Caller, route: str, review: UUID, decision: UUID | None) -> Any:
    """The answer to a request about this review, or this decision."""
    method, path = ROUTES[route]
    address = path.format(review=review, decision=decision)
    if method == "get":
        return caller.get(address)
    return caller.post(address, BODIES.get(route, {}))
