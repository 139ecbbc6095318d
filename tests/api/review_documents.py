"""A review as the API shows it, and a lease that has ended."""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now

from approvals.models import ReviewTask

KEYS = [
    *("id", "queue", "reference", "title", "status", "outcome", "delivery", "error", "payload"),
    *("envelopes", "execution_arn", "state_name", "received_at", "deadline_at"),
    *("deadline_source", "assignee", "lease_expires_at", "escalated_to", "snoozed_until"),
    *("version", "decision", "definition", "execution_mismatch"),
]


def expire_lease(review: ReviewTask) -> None:
    """End a review's lease, by moving its row."""
    ReviewTask.objects.filter(pk=review.pk).update(lease_expires_at=Now() - timedelta(seconds=1))
