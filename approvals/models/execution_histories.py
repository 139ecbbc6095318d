"""Execution histories, stored for pages."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from approvals.models.workflows import Workflow


class ExecutionHistory(models.Model):
    """The events of one execution as pages show them, without tokens, inputs and outputs.

    A worker writes it, never a web request. `status_row` is the order's row of the status table;
    `trouble` is AWS's error code if the history could not be read; `asked_at` is when a page asked
    for a new one, `taken_until` the lease of the worker that reads it.
    """

    execution_arn = models.CharField(primary_key=True, max_length=512)
    status = models.CharField(max_length=20, blank=True)
    redrives = models.PositiveIntegerField(default=0)
    workflow = models.ForeignKey(
        Workflow, null=True, on_delete=models.PROTECT, related_name="histories"
    )
    events = models.JSONField(default=list)
    cut = models.BooleanField(default=False)  # older events were left out
    status_row = models.JSONField(null=True)
    trouble = models.CharField(max_length=100, blank=True)
    read_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)
    taken_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "approvals_executionreading"  # the table keeps the name it was made with
        indexes = [
            models.Index("asked_at", condition=Q(asked_at__isnull=False), name="reading_asked_for")
        ]

    def __str__(self) -> str:
        return f"{self.execution_arn}: {len(self.events)} events"
