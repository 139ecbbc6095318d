"""Circuit breakers: one for each queue."""

from __future__ import annotations

from django.db import models


class Breaker(models.Model):
    """The circuit breaker of a queue: while it is open, decisions wait because AWS refuses all of them.

    `strikes` counts refusals in a row; it is open while `opened_at` is set, and tries again at `retry_at`.
    """

    queue = models.OneToOneField(
        "approvals.ReviewQueue", primary_key=True, on_delete=models.PROTECT, related_name="breaker"
    )
    strikes = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=100, blank=True)
    opened_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"breaker of {self.queue}"
