"""Reviews: the list's query, claim requests, and a review in responses."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approvals.actions import escalation, lifecycle, postponement
from approvals.api.pagination import PageQuery
from approvals.api.serializers.decisions import DecisionAnswer, VoteAnswer
from approvals.api.serializers.fields import (
    Choice,
    EmailAddress,
    JSONDocument,
    StrictBoolean,
    StrictText,
    StrictUUID,
    VerbatimText,
)
from approvals.api.serializers.requests import ANY, StrictSerializer
from approvals.models import OutboxEntry, ReviewTask
from approvals.models.choices import Outcome
from approvals.records.places import Mismatch


class ClaimBody(StrictSerializer):
    """Options of a claim."""

    override = StrictBoolean(
        default=False, help_text="Take over another reviewer's claim. Only a queue's lead may."
    )


class LeaseBody(StrictSerializer):
    """The claim that is meant."""

    lease_id = StrictUUID(default=None, allow_null=True)


class ReassignBody(StrictSerializer):
    """The new holder of a review."""

    to = EmailAddress(
        max_length=254,
        help_text="The e-mail address of a person who may decide in the review's queue.",
    )


class ClosingBody(StrictSerializer):
    """Why a review is closed without a proof."""

    reason = StrictText(min_length=1, max_length=lifecycle.MAX_REASON)


class SkipBody(StrictSerializer):
    """Why a review is skipped."""

    reason = StrictText(
        default="", allow_blank=True, trim_whitespace=False, max_length=postponement.MAX_REASON
    )


class SnoozeBody(StrictSerializer):
    """Until when a review is set aside."""

    until = serializers.DateTimeField(
        allow_null=True,
        help_text="A time before the deadline, such as 2026-11-23T09:30:00Z; null ends a snooze.",
    )


class EscalateBody(StrictSerializer):
    """Why others are to decide."""

    reason = StrictText(trim_whitespace=False, min_length=1, max_length=escalation.MAX_REASON)


_STATUS = "|".join(ReviewTask.Status.values)


@extend_schema_field({"type": "string", "pattern": f"^({ANY}|({_STATUS})(,({_STATUS}))*)$"})
class Statuses(serializers.CharField):
    """`any`, or statuses separated by commas; the value is a sorted list of statuses."""

    def to_internal_value(self, data: Any) -> Any:
        """Returns the statuses, sorted. Raises ValidationError for any other text."""
        text = super().to_internal_value(data)
        if text == ANY:
            return sorted(ReviewTask.Status.values)
        named = set(text.split(","))
        if not named <= set(ReviewTask.Status.values):
            statuses = ", ".join(ReviewTask.Status.values)
            raise serializers.ValidationError(f"Choose any, or some of {statuses}.")
        return sorted(named)


class ReviewFilter(StrictSerializer):
    """Which reviews a list holds, and in which order."""

    queue = serializers.CharField(default="", max_length=50)
    status = Statuses(
        default="",
        trim_whitespace=False,
        help_text="`any`, or statuses separated by commas. Default: pending.",
    )
    assignee = Choice(choices=["me", "nobody"], default="")
    escalated_to = serializers.CharField(
        default="",
        max_length=50,
        help_text="The slug of a queue: reviews that were escalated to it, whatever their own queue.",
    )
    reference = VerbatimText(default="", max_length=256)
    q = serializers.CharField(
        default="",
        max_length=512,
        help_text="A piece of the reference, title, customer, error name or a comment, whatever its case; or"
        " the amount, the execution's ARN or the beginning of the id. One or two letters are looked for"
        " at the beginning of the first four.",
    )
    ordering = Choice(
        choices=["deadline", "-received_at", "-priority"],
        default="",
        help_text="Default: `deadline` if only pending reviews are listed, else `-received_at`.",
    )


class ReviewQuery(ReviewFilter, PageQuery):
    """Which page of the review list."""


DELIVERY_STATES = (
    "waiting",
    "sending",
    "delivered",
    "closed_elsewhere",
    "unconfirmed",
    "parked",
    "undone",
)


MISMATCHES = tuple(str(each) for each in Mismatch)


class ErrorAnswer(serializers.Serializer[ReviewTask]):
    """The error in the workflow that led to the review."""

    name = serializers.CharField(source="error_name")
    cause = serializers.CharField(source="error_cause")


class DeliveryAnswer(serializers.Serializer[OutboxEntry]):
    """Progress of the decision's delivery to Step Functions."""

    state = serializers.ChoiceField(choices=DELIVERY_STATES, source="delivery.state")
    detail = serializers.CharField(source="delivery.detail")
    attempts = serializers.IntegerField()
    delivered_at = serializers.DateTimeField(
        allow_null=True,
        read_only=True,
        help_text="When it was proved that Step Functions has received the decision; else null.",
    )


class DefinitionAnswer(serializers.Serializer[Any]):
    """The definition of the state machine that the review's execution runs."""

    revision = serializers.CharField(
        allow_null=True, help_text="From the message's `definitionRevision`."
    )
    version_arn = serializers.CharField(
        allow_null=True, help_text="The published version; null until Step Functions was asked."
    )


class ReviewAnswer(serializers.Serializer[ReviewTask]):
    """A review."""

    id = serializers.UUIDField()
    queue = serializers.SlugField(source="queue.slug")
    reference = serializers.CharField()
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=ReviewTask.Status.choices)
    outcome = serializers.ChoiceField(choices=Outcome.choices, allow_null=True, read_only=True)
    delivery = DeliveryAnswer(
        allow_null=True, read_only=True, help_text="Null until there is a decision."
    )
    error = ErrorAnswer(source="*")
    payload = JSONDocument(help_text="The message, without its task token.")
    envelopes = serializers.ListField(
        child=serializers.CharField(),
        help_text="What the message lay in, from the outside in, such as `SNS notification`; mostly empty.",
    )
    execution_arn = serializers.CharField(
        allow_null=True, read_only=True, help_text="Null if the message named none."
    )
    state_name = serializers.CharField()
    received_at = serializers.DateTimeField()
    deadline_at = serializers.DateTimeField()
    deadline_source = serializers.ChoiceField(choices=ReviewTask.DeadlineSource.choices)
    assignee = serializers.EmailField(
        allow_null=True,
        read_only=True,
        help_text="Who holds the claim; null if nobody does or the lease has expired.",
    )
    lease_expires_at = serializers.DateTimeField(
        allow_null=True,
        read_only=True,
        help_text="When the claim ends; null if nobody holds the review now.",
    )
    escalated_to = serializers.SlugField(
        allow_null=True,
        read_only=True,
        help_text="The queue whose people decide it instead; its own `queue` means its leads.",
    )
    snoozed_until = serializers.DateTimeField(
        allow_null=True, help_text="`next/` does not give it out before then."
    )
    version = serializers.IntegerField()
    decision = DecisionAnswer(allow_null=True)
    definition = DefinitionAnswer(read_only=True)
    execution_mismatch = serializers.ChoiceField(
        choices=MISMATCHES,
        allow_null=True,
        read_only=True,
        help_text="Why `execution_arn`, which the message names, does not belong to the queue, so that AWS is"
        " never asked about it; null if it does.",
    )


class ListedReviewAnswer(ReviewAnswer):
    """A review in a list: no payload, no long edits, the first 1,000 characters of cause and reason."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Returns the same fields in the same order, the payload always null."""
        empty = "Null in lists; read the review for its payload."
        payload = JSONDocument(allow_null=True, read_only=True, help_text=empty)
        return super().get_fields() | {"payload": payload}


class ClaimedReviewAnswer(ReviewAnswer):
    """A review that the caller has claimed, with the id of the lease."""

    lease_id = serializers.UUIDField(
        allow_null=True,
        read_only=True,
        help_text="Null if the response is repeated and the claim has ended since.",
    )


class VotedReviewAnswer(ReviewAnswer):
    """A review after the caller's vote; `decision` is null while votes are missing."""

    vote = VoteAnswer(read_only=True)
