"""Saved views: named filters of a list, a person's own or shared with everybody who sees the list."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.models.ids import uuid7

MAX_NAME, MAX_QUERY = 60, 1_000  # characters


class SavedView(models.Model):
    """A name for a filter and an order of a list: a queue's reviews, the orders, or the batches of orders.

    An own view is deleted. A shared one is revoked and its row stays, so that its address can say so.
    """

    class Listing(models.TextChoices):
        """The lists that have views."""

        REVIEWS = "reviews"  # of `queue`
        ORDERS = "orders"
        BATCHES = "batches"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    listing = models.CharField(
        max_length=8, choices=Listing, default=Listing.REVIEWS, db_default=Listing.REVIEWS
    )
    queue = models.ForeignKey(
        "approvals.ReviewQueue",
        null=True,  # a list of orders or of batches
        blank=True,
        on_delete=models.PROTECT,
        related_name="saved_views",
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
            models.UniqueConstraint(
                fields=["owner", "listing", "name"],
                condition=Q(shared=False, queue__isnull=True),
                name="one_own_view_a_list_name",
            ),
            models.UniqueConstraint(
                fields=["listing", "name"],
                condition=Q(shared=True, revoked_at__isnull=True, queue__isnull=True),
                name="one_shared_view_a_list_name",
            ),
            models.CheckConstraint(
                condition=Q(listing="reviews", queue__isnull=False)
                | Q(listing__in=["orders", "batches"], queue__isnull=True),
                name="views_of_reviews_have_a_queue",
            ),
            models.CheckConstraint(
                condition=Q(shared=True) | Q(revoked_at__isnull=True),
                name="only_shared_views_are_revoked",
            ),
        ]

    def __str__(self) -> str:
        return f"view {self.name} of {self.queue_id or self.listing}"
