"""Examples of the bodies of requests for the OpenAPI document; a test sends each of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from approvals.api.serializers.bulk_decisions import BulkDecisionBody
from approvals.api.serializers.comments import CommentBody
from approvals.api.serializers.decisions import DecisionBody
from approvals.api.serializers.order_batches import BatchBody
from approvals.api.serializers.orders import RestartBody, StopBody
from approvals.api.serializers.quarantine import (
    DiscardBody,
)
from approvals.api.serializers.queue_settings import QueueSettingsBody
from approvals.api.serializers.requests import EmptyBody
from approvals.api.serializers.reviews import (
    ClaimBody,
    ClosingBody,
    EscalateBody,
    LeaseBody,
    ReassignBody,
    SkipBody,
    SnoozeBody,
)

REQUESTS: Mapping[type, Mapping[str, dict[str, Any]]] = {
    EmptyBody: {"Nothing to say": {}},
    ClaimBody: {"Claim": {}, "Take it over, as a lead": {"override": True}},
    LeaseBody: {"One's own claim": {}},
    ReassignBody: {"Hand it on": {"to": "bob@example.com"}},
    CommentBody: {"Comment": {"text": "The customer called: the address is right."}},
    SkipBody: {"Skip": {}, "Say why": {"reason": "I know the customer."}},
    SnoozeBody: {
        "End a snooze": {"until": None},
    },
    EscalateBody: {"Escalate": {"reason": "The amount is above my limit."}},
    DecisionBody: {
        "Approve": {"outcome": "approved"},
        "Approve with edits, where the queue takes them": {
            "outcome": "approved",
            "reason": "The discount was missing.",
            "edits": {"total": 790.0},
        },
        "Reject, with ten seconds to change one's mind": {
            "outcome": "rejected",
            "reason": "The address does not exist.",
            "undo_seconds": 10,
        },
    },
    RestartBody: {
        "Restart": {},
        "With a word on why": {"reason": "The payment gateway is back."},
    },
    StopBody: {"Stop": {"reason": "The customer has cancelled."}},
    BatchBody: {
        "Orders, one execution each": {"orders": [{"order_id": "ORD-1043", "total": 812.5}]},
        "An object in S3, a hundred orders an execution": {
            "mode": "batches",
            "source": "s3://daily-orders/2026-11-23.json",
            "on_bad_row": "stop",
        },
    },
    QueueSettingsBody: {
        "Map": {"message_map": {"token": "$.callback.id"}},
        "Buckets": {"pointer_buckets": ["large-messages"]},
    },
    BulkDecisionBody: {
        "Approve many": {
            "reviews": ["019ab1c4-76d2-7c11-9a40-6f1f6e9d0c55"],
            "outcome": "approved",
            "reason": "The rule was too strict until noon.",
            "undo_seconds": 10,
        },
    },
    ClosingBody: {"Close": {"reason": "The customer called; the order was cancelled by hand."}},
    DiscardBody: {"Discard": {"reason": "The warehouse was testing its queue."}},
}
# What the documentation pages show instead of an example's name, which is its key in the document.
ORDERS = {"An order": {"order_id": "ORD-1042", "total": 812.5, "currency": "EUR"}}
