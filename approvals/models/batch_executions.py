"""Executions that carry many orders of a batch."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.models.ids import uuid7
from approvals.models.order_batches import OrderBatch


class BatchExecution(models.Model):
    """One execution that carries many orders of a batch: 100 of them, or all by a Distributed Map."""

    class Status(models.TextChoices):
        """Where it is in its life; from `running` on, Step Functions' own status."""

        PENDING = "pending"  # waits to be started
        RUNNING = "running"  # Step Functions has started it
        SUCCEEDED = "succeeded"  # it ended as its workflow intends
        FAILED = "failed"  # an error ended it
        TIMED_OUT = "timed_out"  # it ran longer than its workflow allows
        ABORTED = "aborted"  # somebody stopped it
        REFUSED = "refused"  # Step Functions would not start it: `refusal` is why

    UNDER_WAY = ("pending", "running")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    batch = models.ForeignKey(OrderBatch, on_delete=models.PROTECT, related_name="executions")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=80)
    input_sha256 = models.BinaryField(max_length=32)
    orders = models.PositiveBigIntegerField()
    execution_arn = models.CharField(max_length=512, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    refusal = models.CharField(max_length=300, blank=True)
    items_done = models.PositiveBigIntegerField(default=0)  # by ListMapRuns, for a page alone
    items_asked_at = models.DateTimeField(null=True, blank=True)
    learned = models.BooleanField(default=False)  # the end of each of its orders is known
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "number"], name="batch_execution_numbered")
        ]
        indexes = [
            models.Index("execution_arn", name="batch_execution_by_arn"),
            models.Index("batch", condition=Q(learned=False), name="batch_execution_open"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.status})"
