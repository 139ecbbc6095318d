"""Comments of people on reviews."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Now, Upper

from approvals.models.choices import Surface
from approvals.models.ids import uuid7


class Comment(models.Model):
    """A remark on a review. It is never edited; a correction is another comment."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    review = models.ForeignKey(
        "approvals.ReviewTask", on_delete=models.PROTECT, related_name="comments"
    )
    by = models.ForeignKey("approvals.User", on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    surface = models.CharField(max_length=10, choices=Surface.choices)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index("review", "at", "id", name="comment_by_review"),
            GinIndex(OpClass(Upper("text"), name="gin_trgm_ops"), name="comment_by_text"),
        ]

    def __str__(self) -> str:
        return f"{self.by} on {self.review_id}"
