"""Votes and decisions: what a person said, and the one answer that leaves for Step Functions."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.models.ids import uuid7


class Outcome(models.TextChoices):
    """The two answers a review can get."""

    APPROVED = "approved"
    REJECTED = "rejected"


class Surface(models.TextChoices):
    """Through which door somebody acted."""

    WEB = "web"
    API = "api"
    WEBHOOK = "webhook"
    ADMIN = "admin"
    COMMAND = "command"
    QUEUE = "queue"
    SYSTEM = "system"


class Said(models.Model):
    """What both a vote and a decision hold: who said what, why, and through which door."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    reason_code = models.CharField(max_length=64, blank=True)
    reason = models.TextField(blank=True)
    edits = models.JSONField(default=dict, blank=True)
    surface = models.CharField(max_length=10, choices=Surface.choices)
    signed_in = models.CharField(max_length=120, blank=True)

    class Meta:
        abstract = True


class Vote(Said):
    """One reviewer's word on a review. A withdrawn vote keeps its row."""

    review = models.ForeignKey(
        "approvals.ReviewTask", on_delete=models.PROTECT, related_name="votes"
    )
    reviewer = models.ForeignKey("approvals.User", on_delete=models.PROTECT, related_name="votes")
    on_behalf_of = models.ForeignKey(
        "approvals.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
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


class Decision(Said):
    """The answer to a review, with the very bytes that leave for Step Functions."""

    review = models.ForeignKey(
        "approvals.ReviewTask", on_delete=models.PROTECT, related_name="decisions"
    )
    by = models.ForeignKey(
        "approvals.User",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="decisions",
    )
    decided_at = models.DateTimeField()
    undo_until = models.DateTimeField()
    callback = models.BinaryField()
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["review"], condition=Q(undone_at=None), name="one_live_decision_a_review"
            )
        ]
        indexes = [models.Index("by", models.F("decided_at").desc(), name="decision_by_person")]

    def __str__(self) -> str:
        return f"{self.outcome} at {self.decided_at:%Y-%m-%d %H:%M:%S}"
