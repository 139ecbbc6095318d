"""Reviews: each is one task token that Step Functions waits on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Now, Upper

from approvals.models.choices import Surface
from approvals.models.fields import LargeDocumentField
from approvals.models.ids import uuid7
from approvals.models.review_routing import ESCALATED, ReviewRouting
from approvals.models.review_search import ANYWHERE, KNOWN_AMOUNT, SEARCHED, SearchedReviews
from approvals.untrusted import message_fields

if TYPE_CHECKING:
    from approvals.models.votes import Vote

LONGEST_MARGIN = timedelta(seconds=60)  # from an automatic decision to its deadline
CLOSED = ~Q(status="pending")


#: Sealed bytes and fingerprints, which no surface ever shows.
SECRETS = ("raw_body", "raw_body_sha256", "sealed_extras", "sealed_token", "token_fingerprint")


class ReviewQuerySet(SearchedReviews["ReviewTask"]):
    """Named filters of reviews."""

    def pending(self) -> ReviewQuerySet:
        """Reviews that wait for a decision."""
        return self.filter(status=ReviewTask.Status.PENDING)

    def overdue(self) -> ReviewQuerySet:
        """Pending reviews past a deadline of their message; a default deadline does not count."""
        return self.pending().filter(
            deadline_source=ReviewTask.DeadlineSource.MESSAGE, deadline_at__lte=Now()
        )

    def unclaimed(self) -> ReviewQuerySet:
        """Reviews without a lease that still runs by the database's clock."""
        return self.filter(Q(lease_expires_at=None) | Q(lease_expires_at__lte=Now()))

    def held_by(self, user: Any) -> ReviewQuerySet:
        """Reviews on which this user has a lease that still runs: only pending ones have a lease."""
        return self.pending().filter(assignee=user, lease_expires_at__gt=Now())

    def without_secrets(self) -> ReviewQuerySet:
        """The same rows without the sealed bytes and fingerprints that no surface ever shows."""
        return self.defer(*SECRETS)

    def before_deadline(self) -> ReviewQuerySet:
        """Reviews that are not past a deadline of their message; a default deadline does not count."""
        return self.exclude(
            deadline_source=ReviewTask.DeadlineSource.MESSAGE, deadline_at__lte=Now()
        )


class ReviewTask(ReviewRouting):
    """A manual review. A claim is a lease on a pending review, not a status."""

    class Status(models.TextChoices):
        """Where a review is in its life; all but `pending` are final unless a decision is undone."""

        PENDING = "pending"  # waits for a decision
        UNPROVED = (
            "unproved"  # past its message's deadline, and nothing can prove what became of it
        )
        APPROVED = "approved"  # decided
        REJECTED = "rejected"  # decided
        EXPIRED = "expired"  # Step Functions has stopped waiting, and that is proved
        SUPERSEDED = "superseded"  # a newer review of the same step has taken its place
        ORPHANED = "orphaned"  # its execution has ended, or another party closed its token

    class DeadlineSource(models.TextChoices):
        """The source of the timeout from which the deadline was computed."""

        MESSAGE = "message"  # the message's timeoutSeconds: Step Functions stops waiting then
        DEFAULT = "default"  # the queue's default: it only warns

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    queue = models.ForeignKey(
        "approvals.ReviewQueue",
        db_index=False,  # review_by_arrival begins with it
        on_delete=models.PROTECT,
        related_name="reviews",
    )
    reference = models.CharField(max_length=256, blank=True)
    title = models.CharField(max_length=200, blank=True)
    payload = LargeDocumentField()
    flags = models.JSONField(default=list)
    raw_body = models.BinaryField()
    raw_body_sha256 = models.BinaryField(max_length=32)
    sealed_extras = models.BinaryField(
        null=True
    )  # attributes of the message, object of its S3 pointer
    envelopes = models.JSONField(default=list, db_default=Value([], models.JSONField()))
    error_name = models.CharField(max_length=256, blank=True)
    error_cause = models.TextField(blank=True)
    execution_arn = models.CharField(max_length=512, blank=True)
    state_machine_arn = models.CharField(max_length=512, blank=True)
    definition_revision = models.CharField(max_length=128, blank=True, db_default="")
    state_name = models.CharField(max_length=128, blank=True)
    retry_count = models.PositiveIntegerField(default=0)
    redrive_count = models.PositiveIntegerField(default=0)
    item_index = models.PositiveIntegerField(null=True, blank=True)
    sealed_token = models.BinaryField()
    token_fingerprint = models.BinaryField(max_length=32, unique=True)
    sqs_message_id = models.CharField(max_length=100, blank=True)
    sent_at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now())
    deadline_at = models.DateTimeField()
    deadline_source = models.CharField(max_length=10, choices=DeadlineSource.choices)
    priority = models.SmallIntegerField(default=0)
    amount = models.DecimalField(max_digits=16, decimal_places=4, null=True, blank=True)
    customer = models.CharField(max_length=200, blank=True)
    # What lists show of the payload, which they would unpack whole: texts of up to a hundred characters.
    # None in rows of releases before it.
    order_summary = models.JSONField(null=True, blank=True, editable=False)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.PENDING)
    assignee = models.ForeignKey(
        "approvals.User",
        null=True,
        blank=True,
        db_index=False,  # review_mine has those of open reviews, and no other has one
        on_delete=models.PROTECT,
        related_name="claims",
    )
    lease_id = models.UUIDField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    decision = models.OneToOneField(
        "approvals.Decision", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    superseded_by = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        db_index=False,  # only followed forwards
        on_delete=models.PROTECT,
        related_name="supersedes",
    )

    objects = ReviewQuerySet.as_manager()

    #: What is long, and what only pages and the API show.
    OF_THE_MESSAGE: ClassVar = ("payload", "flags", "error_cause", "raw_body", "sealed_extras")

    #: The vote that `actions.decisions.decide` has just cast, on the instance that it returns; no column.
    just_cast: Vote | None = None

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["approved", "rejected"], decision__isnull=False)
                | (~Q(status__in=["approved", "rejected"]) & Q(decision__isnull=True)),
                name="review_decided_means_decision",
            ),
            models.CheckConstraint(
                condition=Q(assignee=None, lease_id=None, lease_expires_at=None)
                | Q(assignee__isnull=False, lease_id__isnull=False, lease_expires_at__isnull=False),
                name="review_lease_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(status="pending") | Q(lease_id=None),
                name="review_lease_only_while_pending",
            ),
        ]
        indexes = [
            # Partial: open reviews are a small part of all, and the desk asks for little else.
            models.Index(
                "queue", "deadline_at", "id", condition=Q(status="pending"), name="review_open"
            ),
            models.Index(
                "deadline_at", "id", condition=Q(status="pending"), name="review_open_anywhere"
            ),
            models.Index(
                "queue", "received_at", condition=Q(status="pending"), name="review_open_oldest"
            ),
            models.Index(
                "queue",
                F("priority").desc(),
                "deadline_at",
                "id",
                condition=Q(status="pending"),
                name="review_open_urgent",
            ),
            models.Index(
                "queue",
                F("received_at").desc(),
                F("id").desc(),
                name="review_by_arrival",
            ),
            models.Index(
                "assignee",
                condition=Q(status="pending", assignee__isnull=False),
                name="review_mine",
            ),
            models.Index(
                F("received_at").desc(),
                F("id").desc(),
                condition=ANYWHERE,
                name="review_by_arrival_anywhere",
            ),
            # Closed reviews: an index for each order that a list may ask for.
            models.Index(
                "queue",
                "status",
                F("received_at").desc(),
                F("id").desc(),
                condition=CLOSED,
                name="review_closed_by_arrival",
            ),
            models.Index(
                "queue",
                "status",
                "deadline_at",
                "id",
                condition=CLOSED,
                name="review_closed_by_deadline",
            ),
            models.Index(
                "queue",
                "status",
                F("priority").desc(),
                "deadline_at",
                "id",
                condition=CLOSED,
                name="review_closed_urgent",
            ),
            GinIndex(
                *(OpClass(Upper(name), name="gin_trgm_ops") for name in SEARCHED),
                name="review_by_text",
            ),
            models.Index(
                "queue",
                KNOWN_AMOUNT.desc(),
                F("id").desc(),
                condition=Q(status="pending"),
                name="review_open_amount",
            ),
            models.Index(
                "queue",
                "error_name",
                "deadline_at",
                "id",
                condition=Q(status="pending"),
                name="review_open_error",
            ),
            models.Index(
                "queue",
                "snoozed_until",
                condition=Q(status="pending", snoozed_until__isnull=False),
                name="review_open_snoozed",
            ),
            models.Index("amount", condition=Q(amount__isnull=False), name="review_by_amount"),
            models.Index("escalated_to", condition=ESCALATED, name="review_escalated"),
            models.Index("reference", name="review_by_reference"),
            models.Index(
                "customer",
                F("received_at").desc(),
                F("id").desc(),
                condition=~Q(customer=""),
                name="review_by_customer",
            ),
            models.Index("execution_arn", name="review_by_execution"),
        ]

    def __str__(self) -> str:
        return f"{self.reference or self.id} ({self.status})"

    @property
    def heading(self) -> str:
        """The heading of this review on a page."""
        return self.title or self.reference or str(self.id)

    @property
    def order(self) -> Any:
        """The order in the message: its `input`, else the message itself."""
        payload: Any = self.payload
        inner = message_fields.value_of(payload, "input") if isinstance(payload, dict) else None
        return inner if isinstance(inner, dict) and inner else payload

    def is_held(self, at: datetime) -> bool:
        """Whether a lease runs at `at`, a time of the database's clock."""
        return self.lease_expires_at is not None and self.lease_expires_at > at

    @property
    def margin_before_deadline(self) -> timedelta:
        """How long before its deadline it is decided automatically: 60 s, or a quarter of its time if less."""
        return min(LONGEST_MARGIN, (self.deadline_at - self.sent_at) / 4)

    def is_past_deadline(self, at: datetime) -> bool:
        """Whether Step Functions has stopped waiting at `at`; False if the deadline is a default."""
        return self.deadline_source == self.DeadlineSource.MESSAGE and self.deadline_at <= at

    def outcome_details(self) -> dict[str, Any]:
        """Status and decision, for the 409 that a later decision on this review gets."""
        if self.decision is None:
            return {"status": self.status}
        return {
            "status": self.status,
            "outcome": self.decision.outcome,
            "by": self.decision.by.email if self.decision.by else str(Surface.SYSTEM),
            "decided_at": self.decision.decided_at.isoformat(),
        }

    def drop_lease(self) -> None:
        """End the claim; the caller saves the row."""
        self.assignee = None
        self.lease_id = None
        self.lease_expires_at = None
