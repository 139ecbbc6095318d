"""Executions of the order workflow: one row for each attempt to fulfil an order."""

from __future__ import annotations

from uuid import UUID

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now, Upper

from approvals.models.ids import uuid7


class OrderQuerySet(models.QuerySet["OrderExecution"]):
    """Named filters of orders."""

    def attempts_at(self, order_id: str) -> OrderQuerySet:
        """Every attempt at an order, the last one first."""
        return self.filter(order_id=order_id).order_by("-attempt", "-created_at", "-id")

    def beginning_with(self, text: str) -> OrderQuerySet:
        """Orders whose id begins with this text, in the same case."""
        return self.filter(order_id__startswith=text)

    def with_text(self, text: str) -> OrderQuerySet:
        """Orders whose id begins with this text, in any case, or of this execution, row or batch."""
        if text.startswith("arn:"):
            return self.filter(execution_arn=text)
        fits = Q(order_id__istartswith=text)
        try:
            key = UUID(text)
        except ValueError:
            return self.filter(fits)
        return self.filter(fits | Q(pk=key) | Q(batch=key))


class OrderExecution(models.Model):
    """One execution of the order workflow; its name is derived from the order, so it starts once."""

    class Status(models.TextChoices):
        """Where it is in its life; from `running` on, Step Functions' own status."""

        PENDING = "pending"  # waits to be started
        BATCHED = "batched"  # a batch execution carries it
        SETTLED = "settled"  # its batch execution fulfilled it without a person
        RUNNING = "running"  # Step Functions has started its own execution
        SUCCEEDED = "succeeded"  # it ended as its workflow intends
        FAILED = "failed"  # an error ended it: `error` and `cause`
        TIMED_OUT = "timed_out"  # it ran longer than its workflow allows
        ABORTED = "aborted"  # somebody stopped it
        REFUSED = "refused"  # Step Functions would not start it: `refusal` is why

    RESTARTABLE = (Status.FAILED, Status.TIMED_OUT, Status.ABORTED)
    UNDER_WAY = (Status.PENDING, Status.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # Without version or alias: with another one, it is still the same order.
    state_machine_arn = models.CharField(max_length=512)
    qualifier = models.CharField(max_length=80, blank=True, db_default="")
    order_id = models.CharField(max_length=256)
    attempt = models.PositiveIntegerField(default=1)
    name = models.CharField(max_length=80)
    input = models.TextField()
    input_sha256 = models.BinaryField(max_length=32)
    execution_arn = models.CharField(max_length=512, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    refusal = models.CharField(max_length=300, blank=True)
    batch = models.ForeignKey(
        "approvals.OrderBatch",
        null=True,
        blank=True,
        db_index=False,
        on_delete=models.PROTECT,
        related_name="orders",
    )
    batch_item = models.PositiveBigIntegerField(null=True, blank=True)  # which row of its source
    carried_by = models.ForeignKey(
        "approvals.BatchExecution",
        null=True,
        blank=True,
        db_index=False,
        on_delete=models.PROTECT,
        related_name="+",
    )
    created_by = models.ForeignKey(
        "approvals.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)  # by Step Functions' clock
    error = models.CharField(max_length=256, blank=True, db_default="", default="")
    cause = models.TextField(blank=True, db_default="", default="")

    objects = OrderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["state_machine_arn", "order_id", "attempt"], name="order_attempted_once"
            )
        ]
        indexes = [
            models.Index(F("created_at").desc(), F("id").desc(), name="order_by_arrival"),
            models.Index("execution_arn", name="order_by_execution"),
            # For an order's own page, and for the beginning of an id in any collation.
            models.Index(OpClass("order_id", name="varchar_pattern_ops"), name="order_by_id"),
            # For the beginning of an id in any case.
            models.Index(
                OpClass(Upper("order_id"), name="text_pattern_ops"), name="order_by_upper_id"
            ),
            models.Index("status", F("created_at").desc(), F("id").desc(), name="order_by_status"),
            models.Index(
                "error",
                F("created_at").desc(),
                F("id").desc(),
                condition=~Q(error=""),
                name="order_by_error",
            ),
            models.Index(
                "batch", "status", condition=Q(batch__isnull=False), name="order_of_batch_by_status"
            ),
            models.Index(
                "carried_by",
                "batch_item",
                condition=Q(carried_by__isnull=False),
                name="order_carried_by",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} ({self.status})"

    @property
    def start_arn(self) -> str:
        """The ARN for StartExecution: the state machine's, with the version or alias of the order."""
        return ":".join(filter(None, (self.state_machine_arn, self.qualifier)))

    @property
    def was_never_started(self) -> bool:
        """Whether it was stopped before it was given to Step Functions."""
        return self.status == self.Status.ABORTED and not self.execution_arn
