"""Checks of connections whose settings are not stored: what AWS says of a queue that is about to be saved."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.models.ids import uuid7


class ConnectionCheck(models.Model):
    """Settings of a queue as a form has them, and what AWS answered about them; one for each person.

    A worker writes the findings: a web request never asks AWS.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    asked_by = models.OneToOneField(
        "approvals.User", on_delete=models.PROTECT, related_name="connection_check"
    )
    settings = models.JSONField()  # of the columns of ReviewQueue
    asked_at = models.DateTimeField(db_default=Now())
    checked_at = models.DateTimeField(null=True, blank=True)
    findings = models.JSONField(default=list)

    class Meta:
        indexes = [
            models.Index("asked_at", condition=Q(checked_at=None), name="connection_check_open")
        ]

    def __str__(self) -> str:
        return f"check for {self.asked_by_id}"
