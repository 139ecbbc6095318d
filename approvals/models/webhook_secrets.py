"""Secrets of programs that decide by signed webhook."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.models.ids import uuid7


class WebhookSecret(models.Model):
    """A shared secret, sealed. Several may be active under one name, so that it can be rotated."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=100)
    queue = models.ForeignKey(
        "approvals.ReviewQueue",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="webhook_secrets",
    )
    sealed_secret = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.ForeignKey(
        "approvals.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index("name", condition=Q(revoked_at=None), name="webhook_secret_active")]

    def __str__(self) -> str:
        return self.name
