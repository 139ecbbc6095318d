"""Token buckets of the rate limits."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class RateBucket(models.Model):
    """A token bucket, shared by all processes: `left` requests could be made at `filled_at`."""

    name = models.CharField(primary_key=True, max_length=120)
    left = models.FloatField()
    filled_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.name}: {self.left:.1f}"
