"""Saved views: named filters of a queue's list, a person's own or shared with the queue."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.models.ids import uuid7

MAX_NAME, MAX_QUERY = 60, 1_000  # characters


class SavedView(models.Model):
    """A name for a filter and an order of a queue's list.

    An own view is deleted. A shared one is revoked and its row stays, so that its address can say so.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    queue = models.ForeignKey(
        "approvals.ReviewQueue", on_delete=models.PROTECT, related_name="saved_views"
    )
    owner = models.ForeignKey("approvals.User", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=MAX_NAME)
    query = models.CharField(max_length=MAX_QUERY)  # a query string of the list
    shared = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(db_default=Now())
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        "approvals.User",
        null=True,
        blank=True,
        db_index=False,  # nothing looks for it
        on_delete=models.PROTECT,
        related_name="+",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "queue", "name"],
                condition=Q(shared=False),
                name="one_own_view_a_name",
            ),
            models.UniqueConstraint(
                fields=["queue", "name"],
                condition=Q(shared=True, revoked_at__isnull=True),
                name="one_shared_view_a_name",
            ),
            models.CheckConstraint(
                condition=Q(shared=True) | Q(revoked_at__isnull=True),
                name="only_shared_views_are_revoked",
            ),
        ]

    def __str__(self) -> str:
        return f"view {self.name} of {self.queue_id}"
