"""Review queues: where reviews come from, who decides them, and what a decision sends to AWS."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q, Value

from approvals import arns, messages
from approvals.models import reason_codes
from approvals.models.fields import DocumentField
from approvals.models.ids import uuid7
from approvals.models.queue_documents import SCHEMAS
from approvals.models.reason_codes import ReasonCode
from approvals.untrusted import flag_rules, json_schema, numbers, strict_json

A_YEAR = 365 * 24 * 60 * 60  # Step Functions ends every execution after a year


def _never_states(value: str) -> None:
    if value.startswith("States."):
        raise ValidationError("Error names that start with States. are reserved by AWS.")


def _check(name: str, document: Any, check: Callable[[Any], None]) -> None:
    """Raise ValidationError for the field `name` if `check` finds its document unusable.

    What could not be stored is left to the field itself, whose error comes first.
    """
    try:
        strict_json.check_storable(document)
        check(document)
    except strict_json.Unreadable:
        return
    except (json_schema.InvalidDocument, json_schema.UnusableSchema) as error:
        raise ValidationError({name: str(error)}) from None


@dataclass(frozen=True)
class UnusedSetting:
    """A setting that can be stored but that nothing reads yet; `explanation` is for a new one."""

    column: str
    label: str
    value: str
    explanation: str = field(compare=False)

    def __str__(self) -> str:
        return self.label


class ReviewQueue(models.Model):
    """One SQS queue of manual-review messages. Roles are given in it: it is the border of permissions."""

    class RejectAs(models.TextChoices):
        """How a rejection reaches the workflow."""

        FAILURE = "failure"  # SendTaskFailure: the state may catch it
        RESULT = "result"  # SendTaskSuccess with `"approved": false`: a Choice state may look at it

    class AtDeadline(models.TextChoices):
        """What the service does shortly before a deadline that the message itself gave."""

        LEAVE = "leave"  # nothing: Step Functions times the state out
        REJECT = "reject"  # rejects, as the actor `system`
        APPROVE = "approve"  # approves, as the actor `system`

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
    state_machine_arns = DocumentField(
        default=list, db_default=Value([], models.JSONField()), blank=True
    )
    # Where its messages hold the token and so on, as JSON paths; the S3 buckets that they may point to.
    message_map = DocumentField(default=dict, db_default=Value({}, models.JSONField()), blank=True)
    pointer_buckets = DocumentField(
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
    policy = DocumentField(default=dict, blank=True)
    output_schema = DocumentField(null=True, blank=True)
    fields = DocumentField(default=list, blank=True)
    reason_codes = DocumentField(default=list, db_default=Value([], models.JSONField()), blank=True)
    allow_bulk = models.BooleanField("allow bulk decisions", default=True, db_default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(error_name="") & ~Q(error_name__startswith="States."),
                name="queue_error_name_is_ours",
            ),
            # A message belongs to one queue, because the queue is the border of permissions.
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
        """Check the documents, and refuse new settings that nothing reads. Raises ValidationError."""
        if self.output_schema is not None:
            _check("output_schema", self.output_schema, json_schema.check_schema)
        for name, schema in SCHEMAS.items():
            _check(name, getattr(self, name), partial(json_schema.check_document, schema=schema))
        _check("fields", self.fields, lambda _: self._refuse_unused())
        if self.escalate_to_id == self.pk:
            raise ValidationError(
                {"escalate_to": "Leave it empty to escalate to the queue's own leads."}
            )
        if twice := reason_codes.repeated(self.reason_codes):
            raise ValidationError({"reason_codes": f"The code {twice} stands there twice."})
        try:
            messages.read_map(self.message_map)
        except ValueError as error:
            raise ValidationError({"message_map": str(error)}) from None

    def map_of_messages(self) -> messages.MessageMap:
        """The map of its messages; an empty one if what is stored cannot be read."""
        try:
            return messages.read_map(self.message_map)
        except ValueError:
            return messages.NO_MAP

    def unused_settings(self) -> list[UnusedSetting]:
        """The settings of this queue that nothing reads yet."""
        found = []
        for index, entry in enumerate(self._fields()):
            path, flag_when = entry.get("path"), entry.get("flag_when")
            if flag_when and not flag_rules.is_rule(flag_when):
                value = json.dumps(flag_when, sort_keys=True)
                why = f"at /{index}/flag_when: {flag_rules.USAGE}"
                found.append(UnusedSetting("fields", f"flag_when of {path}", value, why))
            if entry.get("role") == "requester":
                why = f"at /{index}/role: The role requester is not in use yet: leave it empty."
                found.append(UnusedSetting("fields", f"role requester of {path}", "", why))
        return found

    def _refuse_unused(self) -> None:
        """Raise ValidationError for an unused setting that the stored row does not have."""
        unused = self.unused_settings()
        stored = ReviewQueue.objects.filter(pk=self.pk).first() if unused else None
        known = stored.unused_settings() if stored else []
        for setting in unused:
            if setting not in known:
                raise ValidationError({setting.column: setting.explanation})

    @property
    def lease(self) -> timedelta:
        """How long a claim lasts unless it is extended."""
        return timedelta(seconds=self.lease_seconds)

    def needs_reason(self, outcome: str) -> bool:
        """Whether a vote for this outcome needs a reason, by the queue's policy."""
        stored: Any = self.policy
        required = stored.get("reason_required_for", []) if isinstance(stored, dict) else []
        return outcome in required

    def codes_for(self, outcome: str) -> list[ReasonCode]:
        """The reason codes that the queue offers for this outcome, in its order."""
        return [each for each in reason_codes.parsed(self.reason_codes) if outcome in each.outcomes]

    def admits(self, state_machine_arn: str) -> bool:
        """Whether messages that name this state machine are accepted; an empty list admits all.

        A listed unqualified ARN also admits its versions and aliases (`...:NAME:3`, `...:NAME:PROD`)
        and the children of its Distributed Maps (`...:NAME/LABEL`): they run the same definition, and
        `$$.StateMachine.Id` may name them. A listed version or alias admits itself alone, because an
        unqualified ARN does not tell which version runs. The ARN is the message's own statement: this
        check stops mistakes, not a forger.
        """
        stored: Any = self.state_machine_arns
        allowed = [arn for arn in stored if isinstance(arn, str)] if stored else []
        if state_machine_arn in allowed or not stored:
            return True
        named = [
            arn for arn in allowed if arn.count(":") == 6
        ]  # no version or alias after the name
        return any(state_machine_arn.startswith((f"{arn}:", f"{arn}/")) for arn in named)

    def promoted(self, payload: dict[str, Any]) -> tuple[Decimal | None, str]:
        """The amount and the customer of a payload, at the paths that `fields` gives these roles."""
        amount: Decimal | None = None
        customer = ""
        for entry in self._fields():
            value = value_at(payload, str(entry.get("path", "")))
            if entry.get("role") == "amount":
                amount = numbers.rounded(value, magnitude=12, places=4)
            elif entry.get("role") == "customer" and isinstance(value, str | int):
                customer = str(value)[:200]
        return amount, customer

    def flagged_fields(self, payload: Any) -> Iterator[tuple[dict[str, Any], Any]]:
        """The entries of `fields` whose `flag_when` applies to this payload, each with the field's value."""
        for entry in self._fields():
            rule: Any = entry.get("flag_when")
            value = value_at(payload, str(entry.get("path", "")))
            if flag_rules.is_rule(rule) and flag_rules.applies(rule, value):
                yield entry, value

    def _fields(self) -> Iterable[dict[str, Any]]:
        stored: Any = self.fields  # older releases did not check its shape
        return [f for f in stored if isinstance(f, dict)] if isinstance(stored, list) else []


def value_at(payload: Any, path: str) -> Any:
    """The value at a dotted path such as `input.customer.name`; None if there is none."""
    for key in path.split("."):
        if isinstance(payload, dict):
            payload = payload.get(key)
        elif (
            isinstance(payload, list)
            and key.isdecimal()
            and len(key) < 10
            and int(key) < len(payload)
        ):
            payload = payload[int(key)]
        else:
            return None
    return payload
