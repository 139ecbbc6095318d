"""Where a review waits: to whom it was escalated, and until when it is snoozed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

ESCALATED = Q(status="pending", escalated_to__isnull=False)
AWAKE = Q(snoozed_until=None) | Q(snoozed_until__lte=Now())


class ReviewRouting(models.Model):
    """The columns that decide who is asked about a review, and when.

    `queue` stays the queue whose settings answer Step Functions. `escalated_to` names the queue whose people
    decide instead; the review's own queue means its leads alone.
    """

    if TYPE_CHECKING:
        queue_id: UUID
        escalated_to_id: UUID | None

    escalated_to = models.ForeignKey(
        "approvals.ReviewQueue",
        null=True,
        blank=True,
        db_index=False,  # only open reviews are asked for: review_escalated
        on_delete=models.PROTECT,
        related_name="escalated_reviews",
    )
    snoozed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def deciding_queue_id(self) -> UUID:
        """The queue in which one needs a role to decide it."""
        return self.escalated_to_id or self.queue_id

    @property
    def is_for_leads(self) -> bool:
        """Whether it was escalated to the leads of its own queue."""
        return self.escalated_to_id == self.queue_id

    def is_snoozed(self, at: datetime) -> bool:
        """Whether it is set aside at `at`, a time of the database's clock."""
        return self.snoozed_until is not None and self.snoozed_until > at
