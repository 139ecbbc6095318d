"""Mentions: people whose names a comment has, shown on their first page until they dismiss them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.models.ids import uuid7


class Mention(models.Model):
    """A comment mentions a user with `@name`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    comment = models.ForeignKey(
        "approvals.Comment",
        db_index=False,  # its constraint has an index
        on_delete=models.PROTECT,
        related_name="mentions",
    )
    user = models.ForeignKey(
        "approvals.User", db_index=False, on_delete=models.PROTECT, related_name="+"
    )
    at = models.DateTimeField(db_default=Now())
    dismissed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["comment", "user"], name="one_mention_a_comment_and_user"
            )
        ]
        indexes = [
            models.Index(
                "user", "id", name="mention_undismissed", condition=Q(dismissed_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.comment_id}"
