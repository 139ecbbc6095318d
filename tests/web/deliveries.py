"""What Step Functions answers to the decision of a review."""

from __future__ import annotations

from django.db.models import F

from approvals.gateways.errors import Answer
from approvals.models import (
    Decision,
    OutboxEntry,
    ReviewTask,
)
from approvals.records import outbox
from tests import factories


def settle(review: ReviewTask, *answers: Answer) -> None:
    """Let Step Functions give these answers to the review's decision, one an attempt."""
    for answer in answers:
        entries = OutboxEntry.objects.filter(subject=Decision.objects.get(review=review).pk)
        entries.update(not_before=F("created_at"))
        lease = outbox.lease(entries.get().pk)
        assert lease is not None
        factories.conclude(lease, answer)
