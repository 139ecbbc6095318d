"""Bulk decisions: many reviews of one queue, decided one by one by a worker with one outcome and one reason."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from approvals.models.choices import Outcome, Surface
from approvals.models.ids import uuid7

MAX_ITEMS = 1_000  # reviews of one bulk decision


class BulkJob(models.Model):
    """One bulk decision. `undo_seconds` None means the queue's own; `lease_epoch` changes with each lease."""

    class Status(models.TextChoices):
        """What the worker does with it."""

        RUNNING = "running"  # its reviews are being decided
        UNDOING = "undoing"  # its decisions are being undone, as far as they are not sent
        FINISHED = "finished"  # every review of it has its result

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    queue = models.ForeignKey(
        "approvals.ReviewQueue",
        db_index=False,  # bulk_job_by_queue begins with it
        on_delete=models.PROTECT,
        related_name="+",
    )
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    reason_code = models.CharField(max_length=64, blank=True)
    reason = models.TextField(blank=True)
    undo_seconds = models.PositiveIntegerField(null=True, blank=True)
    total = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RUNNING)
    created_by = models.ForeignKey(
        "approvals.User",
        db_index=False,  # bulk_job_by_person begins with it
        on_delete=models.PROTECT,
        related_name="+",
    )
    surface = models.CharField(max_length=10, choices=Surface.choices)
    signed_in = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)
    undo_by = models.ForeignKey(
        "approvals.User",
        null=True,
        blank=True,
        db_index=False,  # only followed forwards
        on_delete=models.PROTECT,
        related_name="+",
    )
    undo_surface = models.CharField(max_length=10, choices=Surface.choices, blank=True)
    undo_signed_in = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_epoch = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="finished", ended_at__isnull=False)
                | (~Q(status="finished") & Q(ended_at=None)),
                name="bulk_job_finished_has_a_time",
            ),
            models.CheckConstraint(
                condition=Q(total__gte=1, total__lte=MAX_ITEMS), name="bulk_job_total_in_range"
            ),
        ]
        indexes = [
            models.Index("created_by", F("id").desc(), name="bulk_job_by_person"),
            models.Index("queue", F("id").desc(), name="bulk_job_by_queue"),
            models.Index("created_at", condition=~Q(status="finished"), name="bulk_job_under_way"),
        ]

    def __str__(self) -> str:
        return f"{self.outcome}, {self.total} reviews ({self.status})"


class BulkItem(models.Model):
    """One review of a bulk decision, with its result.

    `version` is the one that the person saw, None for whatever it is. `code` and `detail` say why the review
    was not decided or its decision not undone; `decision` is the id of the one that was made.
    """

    class State(models.TextChoices):
        """The result; pending until a worker comes to it."""

        PENDING = "pending", "to do"
        DECIDED = "decided", "decided"
        VOTED = "voted", "voted, more votes needed"
        REFUSED = "refused", "not decided"  # by the rules of a decision by hand, or left out
        FAILED = "failed", "failed"  # the service could not; it can be retried
        UNDONE = "undone", "undone"  # the decision was taken back before it was sent
        CANCELLED = "cancelled", "cancelled"  # it was undone before a worker came to this review

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    job = models.ForeignKey(
        BulkJob,
        db_index=False,  # its constraints have an index
        on_delete=models.PROTECT,
        related_name="items",
    )
    number = models.PositiveIntegerField()
    review = models.ForeignKey(
        "approvals.ReviewTask",
        db_index=False,  # only followed forwards
        on_delete=models.PROTECT,
        related_name="+",
    )
    version = models.PositiveIntegerField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    code = models.CharField(max_length=30, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    decision = models.UUIDField(null=True, blank=True)
    at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["job"], condition=Q(state="failed"), name="bulk_item_failed"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="bulk_item_has_its_number"),
            models.UniqueConstraint(fields=["job", "review"], name="one_bulk_item_a_review"),
            models.CheckConstraint(
                condition=Q(state__in=["decided", "undone"], decision__isnull=False)
                | (~Q(state__in=["decided", "undone"]) & Q(decision=None)),
                name="bulk_item_decided_means_decision",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.review_id}: {self.state}"
