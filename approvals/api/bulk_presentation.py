"""What responses show of bulk decisions."""

from __future__ import annotations

from collections import Counter

from approvals.api.presentation import JSONObject
from approvals.models import BulkItem, BulkJob


def bulk_decision(row: BulkJob) -> JSONObject:
    """Returns a bulk decision with its reviews as they are now."""
    items = list(
        row.items.select_related("review")
        .only("job", "number", "state", "code", "detail", "decision", "review__reference")
        .order_by("number")
    )
    counts = Counter(item.state for item in items)
    return {
        "id": row.pk,
        "queue": row.queue.slug,
        "outcome": row.outcome,
        "reason_code": row.reason_code,
        "reason": row.reason,
        "by": row.created_by.email,
        "status": row.status,
        "counts": {state.value: counts[state] for state in BulkItem.State},
        "created_at": row.created_at,
        "ended_at": row.ended_at,
        "items": [bulk_item(item) for item in items],
    }


def bulk_item(item: BulkItem) -> JSONObject:
    """Returns a review of a bulk decision with its result."""
    return {
        "review": item.review_id,
        "reference": item.review.reference,
        "state": item.state,
        "code": item.code,
        "detail": item.detail,
        "decision": item.decision,
    }
