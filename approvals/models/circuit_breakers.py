"""Circuit breakers: one for each queue."""

from __future__ import annotations

from django.db import models


class Breaker(models.Model):
    """Answers of a queue are held back while AWS refuses them; open from `opened_at` until it is gone."""

    queue = models.OneToOneField(
        "approvals.ReviewQueue", primary_key=True, on_delete=models.PROTECT, related_name="breaker"
    )
    strikes = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=100, blank=True)
    opened_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"breaker of {self.queue}"
