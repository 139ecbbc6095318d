"""Heartbeats that keep task tokens alive."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from approvals.models.review_tasks import ReviewTask


class Heartbeat(models.Model):
    """When SendTaskHeartbeat is next due for the token of an open review."""

    review = models.OneToOneField(
        ReviewTask, primary_key=True, on_delete=models.PROTECT, related_name="heartbeat"
    )
    due_at = models.DateTimeField()
    beaten_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index("due_at", condition=Q(closed_at=None), name="heartbeat_due")]

    def __str__(self) -> str:
        return f"heartbeat of {self.review_id}"
