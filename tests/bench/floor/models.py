"""The floor's one table: as many columns as an answer of the service shows, and the same payload."""

from __future__ import annotations

from typing import Any

from django.db import models


class Item(models.Model):
    """Something to be decided."""

    queue = models.CharField(max_length=50)
    reference = models.CharField(max_length=256)
    title = models.CharField(max_length=200)
    status = models.CharField(max_length=12)
    outcome = models.CharField(max_length=12, blank=True)
    delivery_state = models.CharField(max_length=20, blank=True)
    error_name = models.CharField(max_length=256)
    error_cause = models.TextField()
    payload = models.JSONField()
    execution_arn = models.CharField(max_length=512)
    state_name = models.CharField(max_length=128)
    received_at = models.DateTimeField()
    deadline_at = models.DateTimeField()
    deadline_source = models.CharField(max_length=10)
    assignee = models.CharField(max_length=254, blank=True)
    lease_expires_at: Any = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=1)
    decided_at: Any = models.DateTimeField(null=True)

    objects: Any = models.Manager()

    class Meta:
        app_label = "floor"
        indexes = [
            models.Index(
                "deadline_at", "id", condition=models.Q(status="pending"), name="item_open"
            )
        ]

    def __str__(self) -> str:
        return self.reference
