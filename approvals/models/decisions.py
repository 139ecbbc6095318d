"""Decisions: the end of a review, and the one answer that leaves for Step Functions."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from approvals.models.votes import OutcomeFields


class Decision(OutcomeFields):
    """The end of a review. `callback` holds the arguments of the call to Step Functions, frozen."""

    review = models.ForeignKey(
        "approvals.ReviewTask",
        db_index=False,  # only the decision that counts is asked for: its constraint has one
        on_delete=models.PROTECT,
        related_name="decisions",
    )
    by = models.ForeignKey(
        "approvals.User",
        null=True,
        blank=True,
        db_index=False,  # decision_by_person begins with it
        on_delete=models.PROTECT,
        related_name="decisions",
    )
    decided_at = models.DateTimeField()
    undo_until = models.DateTimeField()
    callback = models.BinaryField()
    undone_at = models.DateTimeField(null=True, blank=True)

    #: What a list of decisions does not read: up to hundreds of kilobytes each.
    LONG: ClassVar = ("callback", "reason", "edits")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["review"], condition=Q(undone_at=None), name="one_live_decision_a_review"
            )
        ]
        indexes = [
            models.Index("by", models.F("decided_at").desc(), name="decision_by_person"),
            models.Index("decided_at", name="decision_by_time"),  # for rollups of an hour
        ]

    def __str__(self) -> str:
        return f"{self.outcome} at {self.decided_at:%Y-%m-%d %H:%M:%S}"
