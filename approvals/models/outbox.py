"""The outbox: what must leave for AWS, and the journal of every attempt to send it."""

from __future__ import annotations

from typing import NamedTuple

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.models.ids import uuid7


class DeliveryState(models.TextChoices):
    """What became of a decision, as pages and the API show it."""

    WAITING = "waiting"  # to be sent at its time
    SENDING = "sending"  # a call is under way, or ended without an answer
    DELIVERED = "delivered"  # proved: Step Functions has taken it
    CLOSED_ELSEWHERE = "closed_elsewhere"  # proved: the token was closed by something else
    UNCONFIRMED = "unconfirmed"  # the token is closed, and nothing proves by what
    PARKED = "parked"  # an operator has to correct something first
    UNDONE = "undone"  # taken back before it was sent


class Detail(models.TextChoices):
    """Why an outbox entry is in its state."""

    # waiting
    QUEUED = "queued"  # it is sent as soon as it is due
    UNDO_WINDOW = "undo_window"  # until it is due, the decision can be undone
    RETRYING = "retrying"  # an attempt proved nothing, or was refused for now
    BREAKER_OPEN = "breaker_open"  # the circuit breaker of its queue holds it back
    # settled
    ACKNOWLEDGED = "acknowledged"  # AWS answered 200
    PROVED_BY_HISTORY = "proved_by_history"  # the execution's history holds this decision
    EXPIRED = "expired"  # the state's timeout or heartbeat ran out first
    ABORTED = "aborted"  # the execution was stopped first
    EXECUTION_ENDED = "execution_ended"  # the execution ended first
    OTHER_PARTY = "other_party"  # another caller answered the token first
    NOT_REDRIVABLE = "not_redrivable"  # no redrive is possible: a new attempt was started
    # settled (an intervention) or parked (a start)
    REFUSED = "refused"  # Step Functions does not take it as it is
    # parked, shown as unconfirmed
    NO_EXECUTION_ARN = "no_execution_arn"  # the message names no execution to be asked
    HISTORY_UNREADABLE = (
        "history_unreadable"  # the history may not be read, or does not show the task
    )
    HISTORY_GONE = "history_gone"  # AWS keeps a history for 90 days after the execution's end
    # parked
    INVALID_TOKEN = "invalid_token"  # noqa: S105  (AWS does not know the token)
    INVALID_OUTPUT = "invalid_output"  # AWS does not take the content
    ACCESS_DENIED = "access_denied"  # AWS or the queue's list of state machines does not allow it
    KEY_MISSING = "key_missing"  # the key that the token was sealed with is not configured
    # cancelled
    UNDONE = "undone"  # taken back before any attempt


PROVED = frozenset({Detail.ACKNOWLEDGED, Detail.PROVED_BY_HISTORY})
UNKNOWABLE = frozenset({Detail.NO_EXECUTION_ARN, Detail.HISTORY_UNREADABLE, Detail.HISTORY_GONE})


class Delivery(NamedTuple):
    """What became of a decision: its state, and as detail one of `Detail`."""

    state: DeliveryState
    detail: str


class OutboxEntry(models.Model):
    """One message that must leave. Its payload is frozen; only its schedule and its end change."""

    class Lane(models.TextChoices):
        """Lanes drain apart, so that a slow target of one never delays another."""

        CALLBACKS = "callbacks"  # decisions, to SendTaskSuccess or SendTaskFailure
        EXECUTIONS = "executions"  # starts, redrives and stops of executions

    class Kind(models.TextChoices):
        """Which call an entry makes; `subject` is the row that caused it."""

        CALLBACK = "callback"  # SendTaskSuccess or SendTaskFailure; a Decision
        START = "start"  # StartExecution; an OrderExecution
        REDRIVE = "redrive"  # RedriveExecution; an OrderIntervention
        STOP = "stop"  # StopExecution; an OrderIntervention
        START_BATCH = "start_batch"  # StartExecution; a BatchExecution

    class State(models.TextChoices):
        """How far an entry is."""

        WAITING = "waiting"  # an attempt follows at `not_before`
        SENDING = "sending"  # leased by a sender until `lease_until`
        SETTLED = "settled"  # its end is known
        PARKED = "parked"  # no attempt follows until it is put back
        CANCELLED = "cancelled"  # taken back before any attempt

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
    detail = models.CharField(max_length=30, default=Detail.QUEUED)
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
            models.Index("lane", condition=Q(state="parked"), name="outbox_parked"),
            models.Index(
                "queue",
                "detail",
                models.F("ended_at").desc(),
                condition=Q(state="parked", lane="callbacks"),
                name="outbox_parked_in_queue",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}: {self.state}"

    @property
    def delivery(self) -> Delivery:
        """State and detail as pages and the API show them; only what is proved is `delivered`."""
        if self.state == self.State.SETTLED:
            proved = self.detail in PROVED
            state = DeliveryState.DELIVERED if proved else DeliveryState.CLOSED_ELSEWHERE
        elif self.state == self.State.CANCELLED:
            state = DeliveryState.UNDONE
        elif self.state == self.State.PARKED and self.detail in UNKNOWABLE:
            state = DeliveryState.UNCONFIRMED
        else:
            state = DeliveryState(self.state)
        return Delivery(state, self.detail)


class OutboxAttempt(models.Model):
    """One attempt, journalled before its call. Without an end, its outcome is unknown."""

    class Result(models.TextChoices):
        """What AWS's answer, or its absence, proves; the members of `gateways.errors.Proof`, and two more."""

        ACCEPTED = "accepted"  # AWS answered 200
        NOT_SENT = "not_sent"  # the request never left
        AMBIGUOUS = "ambiguous"  # AWS may have acted on it
        THROTTLED = "throttled"  # refused for its rate
        CLOSED = "closed"  # the token's task is over
        INVALID_TOKEN = "invalid_token"  # noqa: S105  (AWS does not know the token)
        INVALID_OUTPUT = "invalid_output"  # AWS does not take the content
        ACCESS_DENIED = "access_denied"  # a right or credentials are missing
        KEY_MISSING = "key_missing"  # no call: the key that opens the token is not configured
        MISCONFIGURED = "misconfigured"  # the state machine is missing or being deleted
        CONFLICT = "conflict"  # an execution of this name exists
        REFUSED = "refused"  # AWS will never do it
        HISTORY = "history"  # no call: the execution's history was asked

    entry = models.ForeignKey(
        OutboxEntry,
        db_index=False,  # the constraint has one
        on_delete=models.PROTECT,
        related_name="journal",
    )
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
