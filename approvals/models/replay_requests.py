"""Requests to replay a quarantined message whose object in S3 has to be read first."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from approvals.models.choices import Surface
from approvals.models.quarantined_messages import QuarantinedMessage


class ReplayRequest(models.Model):
    """A replay that a poller carries out, because a web request never calls AWS; it is deleted when it is done.

    A request that was answered by a refusal stays with that, until the next one.
    """

    message = models.OneToOneField(
        QuarantinedMessage,
        primary_key=True,
        on_delete=models.PROTECT,
        related_name="replay_request",
    )
    asked_at = models.DateTimeField(db_default=Now())
    asked_by = models.ForeignKey(
        "approvals.User", null=True, on_delete=models.PROTECT, related_name="+"
    )
    surface = models.CharField(max_length=12, choices=Surface.choices)
    refused_at = models.DateTimeField(null=True)
    refusal = models.CharField(max_length=300, blank=True, db_default="")

    def __str__(self) -> str:
        return f"replay of {self.message_id}"
