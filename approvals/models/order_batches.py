"""Batches of orders from one source, read once and in order."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.models.ids import uuid7

MAX_BATCH_SIZE = (
    250  # orders in an execution: with those held back, results still fit 262,144 bytes
)


LONGEST_PROBLEM = 600  # characters


class OrderBatch(models.Model):
    """Orders of one source, read once and in order; `position` is how many rows have been read.

    `source` is `s3://bucket/key`, `file:name` or `api`; `source_version` pins its content: a VersionId,
    `etag:...` in a bucket without versions, or `sha256:...` of a file; empty until it is first read.
    `body` holds the orders of an API request. `trouble` is why reading stopped,
    `problem` what keeps the batch waiting while its work is tried again.
    """

    class Mode(models.TextChoices):
        """How its orders become executions."""

        EXECUTIONS = "executions"  # one execution for each order
        BATCHES = "batches"  # one batch execution for each `size` orders
        MAP = "map"  # one batch execution for all orders: a Distributed Map over S3

    class Format(models.TextChoices):
        """The format of its source."""

        JSON = "json"  # one array of orders
        JSONL = "jsonl"  # one order a line, as a JSON object
        CSV = "csv"  # a header, then one order a row

    class OnBadRow(models.TextChoices):
        """What happens at a row that is no valid order."""

        SKIP = "skip"  # the row is refused, and reading goes on
        STOP = "stop"  # the row is refused, and reading stops

    class Status(models.TextChoices):
        """How far the batch has come."""

        READING = "reading"  # its source is read, or is about to be
        STOPPED = "stopped"  # reading stopped before the end of the source; it can be resumed
        READ = "read"  # all rows are read; some orders are under way
        FINISHED = "finished"  # every order has ended

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    source = models.CharField(max_length=1_300)
    source_version = models.CharField(max_length=1_100, blank=True)
    bytes = models.PositiveBigIntegerField(default=0)
    body = models.TextField(blank=True)
    format = models.CharField(max_length=5, choices=Format.choices, blank=True)
    mode = models.CharField(max_length=10, choices=Mode.choices)
    size = models.PositiveIntegerField(default=100)
    on_bad_row = models.CharField(max_length=4, choices=OnBadRow.choices, default=OnBadRow.SKIP)
    state_machine_arn = models.CharField(max_length=512)
    qualifier = models.CharField(max_length=80, blank=True, db_default="")  # its version or alias
    carrier_arn = models.CharField(max_length=512, blank=True)  # state machine of batch executions
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.READING)
    trouble = models.CharField(max_length=300, blank=True)
    problem = models.CharField(max_length=LONGEST_PROBLEM, blank=True, default="", db_default="")
    position = models.PositiveBigIntegerField(default=0)  # rows read
    bytes_read = models.PositiveBigIntegerField(default=0)
    accepted = models.PositiveBigIntegerField(default=0)
    known = models.PositiveBigIntegerField(default=0)  # the same order came before
    refused = models.PositiveBigIntegerField(default=0)
    # Of a source in lines, below its header: all that were read, those without anything, and those that
    # continue a row of several. lines = accepted + known + refused + blank_lines + continuation_lines.
    lines = models.PositiveBigIntegerField(default=0, db_default=0)
    blank_lines = models.PositiveBigIntegerField(default=0, db_default=0)
    continuation_lines = models.PositiveBigIntegerField(default=0, db_default=0)
    carriers = models.PositiveIntegerField(default=0)  # batch executions
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_epoch = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(
        "approvals.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "order batches"
        constraints = [
            models.CheckConstraint(
                condition=Q(size__gte=1, size__lte=MAX_BATCH_SIZE), name="batch_size_in_range"
            ),
            models.CheckConstraint(
                condition=Q(
                    position=models.F("accepted") + models.F("known") + models.F("refused")
                ),
                name="batch_counts_every_row",
            ),
            models.CheckConstraint(
                condition=Q(status="finished", ended_at__isnull=False)
                | (~Q(status="finished") & Q(ended_at=None)),
                name="batch_finished_has_a_time",
            ),
        ]
        indexes = [
            models.Index(models.F("created_at").desc(), models.F("id").desc(), name="batch_by_age"),
            models.Index(
                "lease_until", condition=Q(status__in=["reading", "read"]), name="batch_under_way"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} ({self.status})"
