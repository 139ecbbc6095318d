"""Review queues: where reviews come from, who decides them, and what a decision says to AWS."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q, Value

from approvals import arns
from approvals.models import documents
from approvals.models.ids import uuid7

A_YEAR = 365 * 24 * 60 * 60  # Step Functions ends every execution after a year


def _never_states(value: str) -> None:
    if value.startswith("States."):
        raise ValidationError("Error names that start with States. are reserved by AWS.")


class ReviewQueue(models.Model):
    """One SQS queue of manual-review messages, and the border of rights around its reviews."""

    class RejectAs(models.TextChoices):
        """How a rejection reaches the workflow: a failure to catch, or a result to choose on."""

        FAILURE = "failure"
        RESULT = "result"

    class AtDeadline(models.TextChoices):
        """What happens one margin before a deadline that the message itself gave."""

        LEAVE = "leave"
        REJECT = "reject"
        APPROVE = "approve"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    enabled = models.BooleanField(default=True)
    sqs_url = models.URLField(max_length=500)
    region = models.CharField(max_length=30)
    role_arn = models.CharField(
        max_length=200,
        blank=True,
        validators=[
            RegexValidator(
                arns.ROLE,
                "Not the ARN of an IAM role: arn:aws:iam::123456789012:role/NAME.",
            )
        ],
    )
    state_machine_arns = documents.DocumentField(
        default=list, db_default=Value([], models.JSONField()), blank=True
    )
    heartbeat_seconds = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(5), MaxValueValidator(A_YEAR)]
    )
    reject_as = models.CharField(max_length=10, choices=RejectAs.choices, default=RejectAs.FAILURE)
    error_name = models.CharField(
        max_length=256,
        default="ReviewRejected",
        validators=[
            _never_states,
            RegexValidator(r"^[\w.:-]+$", "Letters, digits and . : - _ only."),
        ],
    )
    timeout_seconds = models.PositiveIntegerField(
        default=86_400, validators=[MinValueValidator(1), MaxValueValidator(A_YEAR)]
    )
    probe_with_heartbeats = models.BooleanField(default=False, db_default=False)
    at_deadline = models.CharField(
        max_length=10, choices=AtDeadline.choices, default=AtDeadline.LEAVE
    )
    lease_seconds = models.PositiveIntegerField(
        default=600, validators=[MinValueValidator(30), MaxValueValidator(86_400)]
    )
    undo_seconds = models.PositiveIntegerField(default=10, validators=[MaxValueValidator(3_600)])
    escalate_to = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT)
    policy = documents.DocumentField(default=dict, blank=True)
    output_schema = documents.DocumentField(null=True, blank=True)
    fields = documents.DocumentField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(error_name="") & ~Q(error_name__startswith="States."),
                name="queue_error_name_is_ours",
            ),
            # A message belongs to one queue, because the queue is the border of rights.
            models.UniqueConstraint(
                fields=["sqs_url"],
                name="queue_owns_its_sqs_queue",
                violation_error_message="Another queue reads this SQS queue already.",
            ),
            models.CheckConstraint(
                condition=Q(timeout_seconds__gte=1, timeout_seconds__lte=A_YEAR),
                name="queue_timeout_within_a_year",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse what would be stored and then not done, and JSON that does not say what it should."""
        documents.check_schema("output_schema", self.output_schema)
        documents.check("policy", self.policy, documents.POLICY)
        documents.check("fields", self.fields, documents.FIELDS)
        documents.check("state_machine_arns", self.state_machine_arns, documents.STATE_MACHINES)

    @property
    def lease(self) -> timedelta:
        """How long a claim holds unless it is renewed."""
        return timedelta(seconds=self.lease_seconds)

    def needs_reason(self, outcome: str) -> bool:
        """Whether a vote of this outcome must say why, by the queue's policy."""
        stored: Any = self.policy
        required = stored.get("reason_required_for", []) if isinstance(stored, dict) else []
        return outcome in required

    def admits(self, state_machine_arn: str) -> bool:
        """Whether tokens of this state machine may be taken and answered; an empty list admits all.

        A listed unqualified ARN also admits its versions and aliases (`...:NAME:3`, `...:NAME:PROD`)
        and the children of its distributed maps (`...:NAME/LABEL`): they run the same definition, and
        `$$.StateMachine.Id` may name them. A listed version or alias admits itself alone, because
        what names only the machine does not say which version runs. It goes by what a message says
        of itself: it stops mistakes, not a forger.
        """
        stored: Any = self.state_machine_arns
        allowed = [arn for arn in stored if isinstance(arn, str)] if stored else []
        if state_machine_arn in allowed or not stored:
            return True
        named = [arn for arn in allowed if arn.count(":") == 6]  # no qualifier behind the name
        return any(state_machine_arn.startswith((f"{arn}:", f"{arn}/")) for arn in named)

    def promoted(self, payload: dict[str, Any]) -> tuple[Decimal | None, str]:
        """The amount and the customer of a payload, as `fields` points at them."""
        amount: Decimal | None = None
        customer = ""
        for field in self._fields():
            value = value_at(payload, str(field.get("path", "")))
            if field.get("role") == "amount":
                amount = _money(value)
            elif field.get("role") == "customer" and isinstance(value, str | int):
                customer = str(value)[:200]
        return amount, customer

    def _fields(self) -> Iterable[dict[str, Any]]:
        stored: Any = self.fields  # edited by hand in the admin site: trust its shape nowhere
        return [f for f in stored if isinstance(f, dict)] if isinstance(stored, list) else []


def value_at(payload: Any, path: str) -> Any:
    """What stands at a dotted path such as `input.customer.name`; None where the path leads nowhere."""
    for step in path.split("."):
        if isinstance(payload, dict):
            payload = payload.get(step)
        elif isinstance(payload, list) and step.isdecimal() and int(step) < len(payload):
            payload = payload[int(step)]
        else:
            return None
    return payload


def _money(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        amount = Decimal(str(value)).quantize(Decimal("0.0001"))  # first: it may round up to 10**12
        return amount if abs(amount) < 10**12 else None
    except InvalidOperation:
        return None


class QueueCheck(models.Model):
    """What AWS last said of a queue, for pages: they never ask AWS themselves, they show this row."""

    queue = models.OneToOneField(
        ReviewQueue, primary_key=True, on_delete=models.PROTECT, related_name="check_result"
    )
    asked_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    findings = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"check of {self.queue}"
