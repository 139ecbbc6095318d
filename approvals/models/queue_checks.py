"""Results of the connection check of each queue."""

from __future__ import annotations

from django.db import models

from approvals.models.review_queues import ReviewQueue


class QueueCheck(models.Model):
    """What AWS last said of a queue, for pages: they never ask AWS themselves, they show this row."""

    queue = models.OneToOneField(
        ReviewQueue, primary_key=True, on_delete=models.PROTECT, related_name="check_result"
    )
    asked_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    findings = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"check of {self.queue}"
