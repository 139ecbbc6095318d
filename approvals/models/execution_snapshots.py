"""The last known status of executions, and when Step Functions is next asked for it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class ExecutionSnapshot(models.Model):
    """The status of an execution as of `read_at`. `due_at` is null if it has ended and holds no review.

    `state_machine_version_arn` is empty until AWS was asked, and if no version was named at its start.
    A `routine` look is due only because nothing was heard for long: any other comes first.

    An execution is `proved` once AWS has described it, sent an event about it, or accepted a token of it:
    until then, a message alone says that it exists. `idle_looks` is how many looks in a row have found
    nothing new; before `not_before`, no message makes it due again.
    """

    execution_arn = models.CharField(primary_key=True, max_length=512)
    status = models.CharField(max_length=20, blank=True)
    state_machine_version_arn = models.CharField(max_length=512, blank=True, db_default="")
    read_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    asked = models.PositiveIntegerField(default=0)
    routine = models.BooleanField(default=False, db_default=False)
    proved = models.BooleanField(default=False, db_default=False)
    idle_looks = models.PositiveSmallIntegerField(default=0, db_default=0)
    not_before = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                *("proved", "routine", "due_at"),
                condition=Q(due_at__isnull=False),
                name="execution_by_proof",
            )
        ]

    def __str__(self) -> str:
        return f"{self.execution_arn}: {self.status or 'not asked yet'}"
