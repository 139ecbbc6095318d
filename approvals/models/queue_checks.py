"""Results of the connection check of each queue."""

from __future__ import annotations

from django.db import models

from approvals.models.review_queues import ReviewQueue


class QueueCheck(models.Model):
    """What AWS last answered about a queue. A worker writes it; pages show it and never ask AWS."""

    queue = models.OneToOneField(
        ReviewQueue, primary_key=True, on_delete=models.PROTECT, related_name="check_result"
    )
    asked_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    findings = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"check of {self.queue}"
