"""What is known of an execution beside its reviews, and when Step Functions is next asked about it."""

from __future__ import annotations

import json
from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.models.ids import uuid7


class ExecutionSnapshot(models.Model):
    """What Step Functions last said of an execution. `due_at` empty: it has ended and holds no review.

    `state_machine_version_arn` is empty until AWS was asked, and where no version was named at its start.
    """

    execution_arn = models.CharField(primary_key=True, max_length=512)
    status = models.CharField(max_length=20, blank=True)
    state_machine_version_arn = models.CharField(max_length=512, blank=True, db_default="")
    read_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    asked = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index("due_at", condition=Q(due_at__isnull=False), name="execution_to_be_asked")
        ]

    def __str__(self) -> str:
        return f"{self.execution_arn}: {self.status or 'not asked yet'}"


class Workflow(models.Model):
    """A definition that executions were started with, by the revision Step Functions gave it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    state_machine_arn = models.CharField(max_length=512)
    revision = models.CharField(max_length=100, blank=True)  # the first one of a machine has none
    digest = models.BinaryField(max_length=32)  # a machine made anew begins at the first one again
    definition = (
        models.TextField()
    )  # as Step Functions gave it: jsonb would mix up its states' order
    read_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["state_machine_arn", "revision", "digest"],
                name="workflow_revision_kept_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.state_machine_arn} {self.revision}".strip()

    @property
    def document(self) -> Any:
        """The definition, read; None where it is no JSON."""
        try:
            return json.loads(self.definition)
        except (ValueError, RecursionError):
            return None


class ExecutionReading(models.Model):
    """An execution as pages show it: its history without tokens, inputs and outputs, and its status row.

    Written by a worker, never by a web request. `trouble` is AWS's word for why it could not be read.
    """

    execution_arn = models.CharField(primary_key=True, max_length=512)
    status = models.CharField(max_length=20, blank=True)
    redrives = models.PositiveIntegerField(default=0)
    workflow = models.ForeignKey(
        Workflow, null=True, on_delete=models.PROTECT, related_name="readings"
    )
    events = models.JSONField(default=list)
    cut = models.BooleanField(default=False)  # older events were left out
    status_row = models.JSONField(null=True)
    trouble = models.CharField(max_length=100, blank=True)
    read_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)
    taken_until = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index("asked_at", condition=Q(asked_at__isnull=False), name="reading_asked_for")
        ]

    def __str__(self) -> str:
        return f"{self.execution_arn}: {len(self.events)} events"


class Breaker(models.Model):
    """Answers of a queue are held back while AWS refuses them; open from `opened_at` until it is gone."""

    queue = models.OneToOneField(
        "approvals.ReviewQueue", primary_key=True, on_delete=models.PROTECT, related_name="breaker"
    )
    strikes = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=100, blank=True)
    opened_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"breaker of {self.queue}"
