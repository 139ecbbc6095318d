"""The outbox: what must leave for AWS, and the journal of every attempt to send it."""

from __future__ import annotations

from typing import NamedTuple

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.models.ids import uuid7


class Delivery(NamedTuple):
    """What became of a decision, in the words of the API: a state and its detail."""

    state: str
    detail: str


class OutboxEntry(models.Model):
    """One message that must leave. Its payload is frozen; only its schedule and its end change."""

    class Lane(models.TextChoices):
        """Lanes drain apart, so that a slow target of one never delays another."""

        CALLBACKS = "callbacks"
        EXECUTIONS = "executions"
        WEBHOOKS = "webhooks"
        NOTICES = "notices"
        ANCHORS = "anchors"

    class Kind(models.TextChoices):
        """What is to be said to whom."""

        CALLBACK = "callback"
        START = "start"
        REDRIVE = "redrive"
        STOP = "stop"
        START_BATCH = "start_batch"

    class State(models.TextChoices):
        """Where the entry stands."""

        WAITING = "waiting"
        SENDING = "sending"
        SETTLED = "settled"
        PARKED = "parked"
        CANCELLED = "cancelled"

    PROVED = ("acknowledged", "proved_by_history")
    UNKNOWABLE = ("no_execution_arn", "history_unreadable", "history_gone")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    lane = models.CharField(max_length=12, choices=Lane.choices)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    subject = models.UUIDField()
    queue = models.ForeignKey(
        "approvals.ReviewQueue",
        null=True,
        blank=True,
        db_index=False,  # asked for only among what waits, which has its own index
        on_delete=models.PROTECT,
        related_name="+",
    )
    payload = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())
    not_before = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    detail = models.CharField(max_length=30, default="queued")
    attempts = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_epoch = models.PositiveIntegerField(default=0)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "outbox entries"
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject"], name="outbox_said_once"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "sending"], ended_at=None)
                | Q(state__in=["settled", "parked", "cancelled"], ended_at__isnull=False),
                name="outbox_ended_has_a_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="sending") | Q(lease_until__isnull=False),
                name="outbox_sending_has_a_lease",
            ),
        ]
        indexes = [
            models.Index("lane", "not_before", condition=Q(state="waiting"), name="outbox_due"),
            models.Index("lane", "lease_until", condition=Q(state="sending"), name="outbox_leased"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}: {self.state}"

    @property
    def delivery(self) -> Delivery:
        """State and detail as section 5 of the design tables them; only what is proved is `delivered`."""
        state = {"settled": "closed_elsewhere", "cancelled": "undone"}.get(self.state, self.state)
        if self.state == self.State.SETTLED and self.detail in self.PROVED:
            state = "delivered"
        elif self.state == self.State.PARKED and self.detail in self.UNKNOWABLE:
            state = "unconfirmed"
        return Delivery(state, self.detail)


class OutboxAttempt(models.Model):
    """One attempt, journalled before its call. Without an end, nobody knows what AWS did with it."""

    class Result(models.TextChoices):
        """What AWS's answer, or its silence, proves."""

        ACCEPTED = "accepted"
        NOT_SENT = "not_sent"
        AMBIGUOUS = "ambiguous"
        THROTTLED = "throttled"
        CLOSED = "closed"
        INVALID_TOKEN = "invalid_token"  # noqa: S105
        INVALID_OUTPUT = "invalid_output"
        ACCESS_DENIED = "access_denied"
        KEY_MISSING = "key_missing"
        MISCONFIGURED = "misconfigured"
        CONFLICT = "conflict"
        REFUSED = "refused"
        HISTORY = "history"  # no call: the execution's history was asked

    entry = models.ForeignKey(OutboxEntry, on_delete=models.PROTECT, related_name="journal")
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=16, choices=Result.choices, blank=True)
    error_code = models.CharField(max_length=100, blank=True)
    request_id = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entry", "number"], name="attempt_numbered_once")
        ]

    def __str__(self) -> str:
        return f"#{self.number} of {self.entry_id}: {self.result or 'no answer'}"
