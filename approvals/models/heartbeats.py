"""Heartbeats that keep task tokens alive."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from approvals.models.review_tasks import ReviewTask


class Heartbeat(models.Model):
    """When SendTaskHeartbeat is next due for the token of an open review.

    `closed_at` is set when no more are sent; `ended_as` says why, empty in rows of older releases.
    `refusals` counts the answers in a row that the token is invalid.
    """

    class End(models.TextChoices):
        """Why no more heartbeats are sent for a token."""

        CLOSED = "closed"  # AWS answered that its task is over
        TOKEN_REFUSED = "token_refused"  # noqa: S105  (AWS answered several times that it is invalid)

    review = models.OneToOneField(
        ReviewTask, primary_key=True, on_delete=models.PROTECT, related_name="heartbeat"
    )
    due_at = models.DateTimeField()
    beaten_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    refusals = models.PositiveSmallIntegerField(default=0, db_default=0)
    ended_as = models.CharField(max_length=20, blank=True, db_default="", choices=End.choices)

    class Meta:
        indexes = [
            models.Index("due_at", condition=Q(closed_at=None), name="heartbeat_due"),
            models.Index(
                "due_at",
                condition=Q(closed_at=None, beaten_at__isnull=False),
                name="heartbeat_due_accepted",
            ),
        ]

    def __str__(self) -> str:
        return f"heartbeat of {self.review_id}"
