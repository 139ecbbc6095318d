"""Examples of responses for the OpenAPI document; those of requests are in `schema_request_examples`.

A test sends the requests and compares the responses. All examples follow one order from its message
to the undone decision, so ids and e-mail addresses recur.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from approvals.api.serializers.audit_events import EventAnswer
from approvals.api.serializers.bulk_decisions import BulkDecisionAnswer
from approvals.api.serializers.comments import CommentAnswer
from approvals.api.serializers.order_batches import OrderBatchAnswer
from approvals.api.serializers.orders import OrderAnswer, WholeOrderAnswer
from approvals.api.serializers.quarantine import (
    QuarantineAnswer,
    QuarantinedBodyAnswer,
    QuarantinedMessageAnswer,
)
from approvals.api.serializers.queue_settings import QueueSettingsAnswer
from approvals.api.serializers.queues import QueueAnswer
from approvals.api.serializers.reviews import (
    ClaimedReviewAnswer,
    ListedReviewAnswer,
    ReviewAnswer,
    VotedReviewAnswer,
)

_EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:orders:order-ORD-1042"
_DECISION = {
    "id": "019ab1f4-6c2e-7d11-b3a0-5f0c2f6f8a02",
    "outcome": "approved",
    "by": "alice@example.com",
    "reason_code": "",
    "reason": "The bank has confirmed the payment.",
    "edits": {},
    "decided_at": "2026-11-23T09:02:11.204117Z",
    "undo_until": "2026-11-23T09:02:11.204117Z",
}
REVIEW: dict[str, Any] = {
    "id": "019ab1f0-3b7a-7c55-9d2e-0c9a5e1d7b01",
    "queue": "manual-review",
    "reference": "ORD-1042",
    "title": "Payment over 500 EUR",
    "status": "pending",
    "outcome": None,
    "delivery": None,
    "error": {"name": "FraudSuspected", "cause": "The card is new here."},
    "payload": {
        "taskToken": "[task token]",
        "orderId": "ORD-1042",
        "error": {"Error": "FraudSuspected", "Cause": "The card is new here."},
        "input": {"order_id": "ORD-1042", "total": 812.5, "currency": "EUR"},
    },
    "envelopes": [],
    "execution_arn": _EXECUTION,
    "state_name": "ManualReview",
    "received_at": "2026-11-23T08:57:36.570922Z",
    "deadline_at": "2026-11-23T09:57:36.102000Z",
    "deadline_source": "message",
    "assignee": None,
    "lease_expires_at": None,
    "escalated_to": None,
    "snoozed_until": None,
    "version": 1,
    "decision": None,
    "definition": {
        "revision": "order_fulfillment-6f1c2f0b9f3b8a77.asl.json",
        "version_arn": "arn:aws:states:us-east-1:123456789012:stateMachine:order-fulfillment:3",
    },
    "execution_mismatch": None,
}
_HELD = REVIEW | {
    "assignee": "alice@example.com",
    "lease_expires_at": "2026-11-23T09:12:05.881530Z",
    "version": 2,
}
_DELIVERY = {"state": "waiting", "detail": "queued", "attempts": 0, "delivered_at": None}
_DECIDED = REVIEW | {
    "status": "approved",
    "outcome": "approved",
    "delivery": _DELIVERY,
    "version": 3,
    "decision": _DECISION,
}
_QUARANTINED = {
    "id": "019ab1ee-90f1-7a3c-8c44-2b6f3d9f1c03",
    "queue": "manual-review",
    "state": "open",
    "origin": "queue",
    "reason": "no_token",
    "explanation": "The body has no taskToken.",
    "bytes": 23,
    "sqs_message_id": "2b6f3d9f-1c03-4a3c-8c44-90f12b6f3d9f",
    "sent_at": "2026-11-23T08:55:47.310000Z",
    "received_at": "2026-11-23T08:55:47.441938Z",
    "replayed_at": None,
    "replayed_by": None,
    "replayed_as": None,
    "discarded_at": None,
    "discarded_by": None,
    "discard_reason": "",
    "replay_asked_at": None,
    "replay_refusal": "",
}
_ORDER = {
    "order_id": "ORD-1042",
    "attempt": 1,
    "execution_arn": _EXECUTION,
    "status": "running",
    "refusal": "",
    "error": None,
    "created_at": "2026-11-23T08:57:30.004210Z",
    "started_at": "2026-11-23T08:57:30.219874Z",
    "ended_at": None,
}
_BULK = {
    "id": "019ab1f3-0b5e-7d20-8f11-2a6c9e4d7b18",
    "queue": "manual-review",
    "outcome": "approved",
    "reason_code": "",
    "reason": "The rule was too strict until noon.",
    "by": "alice@example.com",
    "status": "finished",
    "counts": {
        "pending": 0,
        "decided": 1,
        "voted": 0,
        "refused": 0,
        "failed": 0,
        "undone": 0,
        "cancelled": 0,
    },
    "created_at": "2026-11-23T09:12:00.000000Z",
    "ended_at": "2026-11-23T09:12:04.512000Z",
    "items": [
        {
            "review": "019ab1c4-76d2-7c11-9a40-6f1f6e9d0c55",
            "reference": "ORD-1042",
            "state": "decided",
            "code": "",
            "detail": "",
            "decision": "019ab1f3-2c41-7e0a-b1d4-90c2a7f3e615",
        }
    ],
}
_BATCH = {
    "id": "019ab1ef-2d14-7b60-a0c1-3f5a7c9e1b07",
    "source": "s3://daily-orders/2026-11-23.json",
    "mode": "batches",
    "batch_size": 100,
    "on_bad_row": "skip",
    "status": "read",
    "trouble": "",
    "problem": "",
    "progress": 0.9645,
    "counts": {
        "read": 1000,
        "settled": 860,
        "executions": 66,
        "refused": 2,
        "known": 1,
        "under_way": 71,
    },
    "refusals": [
        {
            "line": 18,
            "order_id": "",
            "code": "not_json",
            "reason": "The row is not JSON: NaN is not a JSON number.",
        },
        {
            "line": 731,
            "order_id": "",
            "code": "too_large",
            "reason": "The row has over 1048576 bytes.",
        },
    ],
    "created_at": "2026-11-23T08:30:00.004210Z",
    "ended_at": None,
    "lines": None,
}

ANSWERS: Mapping[type, dict[str, Any]] = {
    ReviewAnswer: REVIEW,
    ListedReviewAnswer: REVIEW | {"payload": None},
    ClaimedReviewAnswer: _HELD | {"lease_id": "019ab1f3-aa04-7e20-a1b7-6d3e4c8b9d04"},
    VotedReviewAnswer: _DECIDED
    | {"vote": {"id": "019ab1f4-6c2d-7b9f-8f31-1e7d0a5c4b05", "outcome": "approved"}},
    CommentAnswer: {
        "id": "019ab1f2-17c8-7f6a-92d5-4a8b7c6d5e06",
        "by": "alice@example.com",
        "text": "The customer called: the address is right.",
        "at": "2026-11-23T08:59:38.120045Z",
    },
    EventAnswer: {
        "seq": 1,
        "kind": "review.received",
        "actor": "system",
        "on_behalf_of": None,
        "surface": "queue",
        "data": {"queue": "manual-review", "reference": "ORD-1042"},
        "at": "2026-11-23T08:57:36.570922Z",
        "prev_hash": "00" * 32,
        "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    },
    QueueAnswer: {
        "slug": "manual-review",
        "name": "Manual review",
        "open": 12,
        "open_is_capped": False,
        "oldest_received_at": "2026-11-23T08:41:02.000311Z",
        "oldest_age_seconds": 1021,
        "next_deadline_at": "2026-11-23T09:41:01.877000Z",
        "reason_codes": [],
        "reason_required_for": [],
    },
    QueueSettingsAnswer: {
        "slug": "manual-review",
        "version": 7,
        "message_map": {"token": "$.callback.id"},
        "pointer_buckets": ["large-messages"],
    },
    OrderAnswer: _ORDER,
    WholeOrderAnswer: _ORDER
    | {
        "input": {"order_id": "ORD-1042", "total": 812.5, "currency": "EUR"},
        "attempts": [{name: value for name, value in _ORDER.items() if name != "order_id"}],
        "interventions": [
            {
                "kind": "redrive",
                "attempt": 1,
                "reason": "The payment gateway is back.",
                "by": "alice@example.com",
                "asked_at": "2026-11-23T09:12:40.553018Z",
                "outcome": "done",
                "ended_at": "2026-11-23T09:12:41.020114Z",
            }
        ],
    },
    OrderBatchAnswer: _BATCH,
    BulkDecisionAnswer: _BULK,
    QuarantineAnswer: _QUARANTINED,
    QuarantinedMessageAnswer: _QUARANTINED
    | {
        "body": '{"orderId": "ORD-1042"}',
        "body_is_cut": False,
        "body_url": f"/api/v1/quarantine/{_QUARANTINED['id']}/body/",
    },
    QuarantinedBodyAnswer: {"id": _QUARANTINED["id"], "body": '{"orderId": "ORD-1042"}'},
}
NOT_STARTED = ANSWERS[OrderAnswer] | {
    "execution_arn": None,
    "status": "pending",
    "started_at": None,
}

SUMMARIES: Mapping[str, str] = {
    "An answer": "A response",
    "Nothing to say": "An empty request",
    "Hand it on": "Hand over",
    "Take it over, as a lead": "Take over, as a lead",
    "With a word on why": "Restart with a reason",
    "Approve with edits, where the queue takes them": "Approve with edits, if the queue takes any",
    "Reject, with ten seconds to change one's mind": "Reject, with ten seconds to undo",
}
