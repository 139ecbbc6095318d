"""Skips: reviews that a person does not want to be given next."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from approvals.models.ids import uuid7


class Skip(models.Model):
    """A person has skipped a review; the last time counts."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    review = models.ForeignKey(
        "approvals.ReviewTask",
        db_index=False,  # its constraint has an index
        on_delete=models.PROTECT,
        related_name="skips",
    )
    user = models.ForeignKey(
        "approvals.User", db_index=False, on_delete=models.PROTECT, related_name="+"
    )
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["review", "user"], name="one_skip_a_person_and_review")
        ]

    def __str__(self) -> str:
        return f"{self.user} skipped {self.review_id}"
