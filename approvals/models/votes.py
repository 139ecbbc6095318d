"""Votes: one reviewer's approval or rejection of a review."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.models.choices import Outcome, Surface
from approvals.models.ids import uuid7


class OutcomeFields(models.Model):
    """The columns that votes and decisions share: an outcome with its reason, and how it was sent.

    `signed_in` is how the person had signed in; `edits` are changes that travel with an approval.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    reason_code = models.CharField(max_length=64, blank=True)
    reason = models.TextField(blank=True)
    edits = models.JSONField(default=dict, blank=True)
    surface = models.CharField(max_length=10, choices=Surface.choices)
    signed_in = models.CharField(max_length=120, blank=True)

    class Meta:
        abstract = True


class Vote(OutcomeFields):
    """One reviewer's vote on a review. A withdrawn vote keeps its row."""

    review = models.ForeignKey(
        "approvals.ReviewTask", on_delete=models.PROTECT, related_name="votes"
    )
    # Neither is asked for alone, and a user is never deleted.
    reviewer = models.ForeignKey(
        "approvals.User", db_index=False, on_delete=models.PROTECT, related_name="votes"
    )
    on_behalf_of = models.ForeignKey(
        "approvals.User",
        null=True,
        blank=True,
        db_index=False,
        on_delete=models.PROTECT,
        related_name="+",
    )
    cast_at = models.DateTimeField(db_default=Now())
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["review", "reviewer"],
                condition=Q(withdrawn_at=None),
                name="one_live_vote_a_reviewer",
            )
        ]

    def __str__(self) -> str:
        return f"{self.outcome} by {self.reviewer}"
