"""Workflow definitions, by revision."""

from __future__ import annotations

import json
from typing import Any

from django.db import models
from django.db.models.functions import Now

from approvals.models.ids import uuid7


class Workflow(models.Model):
    """A definition that executions were started with, by the revision id that Step Functions gave it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    state_machine_arn = models.CharField(max_length=512)
    revision = models.CharField(
        max_length=100, blank=True
    )  # empty: the first one of a state machine
    digest = models.BinaryField(
        max_length=32
    )  # SHA-256: a state machine that is created anew starts with the first one again
    # As Step Functions gave it: jsonb would mix up the order of its states.
    definition = models.TextField()
    # What a worker has drawn of it (workflows.graphs.stored_drawing); null until it has.
    drawing = models.JSONField(null=True)
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
        """The definition as a JSON value; None if it is no JSON."""
        try:
            return json.loads(self.definition)
        except (ValueError, RecursionError):
            return None
