"""The shapes of requests: strict types, and a name that is not known is refused, not ignored.

A number given as text or a misspelt `overide` is a mistake of the caller's program, and a decision
is the wrong place to guess what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.core.validators import EmailValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approvals.actions import decisions, discussion, interventions, quarantine
from approvals.models import OrderBatch, OrderExecution, ReviewTask
from approvals.models.choices import Outcome
from approvals.models.order_batches import MAX_BATCH_SIZE
from approvals.orchestration.batches import sources

ANY = "any"
MOST_ROWS = 200
LONGEST_CURSOR = 1_000

# For the schema, in what ECMA 262 and Python both read: a text that can be stored, one of them that
# says something (the blanks that ECMA's \s does not know are named), and an id in its usual spelling.
STORABLE = r"^[^\u0000]*$"
SAID = r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085][^\u0000]*$"
IDENTITY = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


class Shape(serializers.Serializer[Any]):
    """An object of exactly these fields."""

    def to_internal_value(self, data: Any) -> Any:
        """As DRF's, after refusing what is not known."""
        if isinstance(data, Mapping):
            unknown = [name for name in data if name not in self.fields]
            if unknown:
                raise serializers.ValidationError({unknown[0]: ["This name is not known here."]})
        return super().to_internal_value(data)


class Text(serializers.CharField):
    """A string, not a number that looks like one."""

    def to_internal_value(self, data: Any) -> str:
        """The text, untouched."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field({"type": "string", "pattern": STORABLE})
class Verbatim(serializers.CharField):
    """A text of which blanks are a part too."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)


@extend_schema_field({"type": "string", "format": "email"})
class Address(Text):
    """An e-mail address, whether or not anybody has it."""

    default_validators = [EmailValidator("This is no e-mail address.")]


@extend_schema_field({"type": "string", "format": "uuid", "pattern": IDENTITY})
class Identity(serializers.UUIDField):
    """A UUID as the API itself spells it, not a number and not its digits alone."""

    def to_internal_value(self, data: Any) -> Any:
        """The UUID."""
        if not isinstance(data, str) or not re.fullmatch(IDENTITY, data):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """`true` or `false`, not "yes" or 1."""

    def to_internal_value(self, data: Any) -> bool:
        """The flag."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Whole(serializers.IntegerField):
    """A whole number, not a text and not `true`; to JSON, 68.0 is 68."""

    def to_internal_value(self, data: Any) -> int:
        """The number."""
        if isinstance(data, float) and data.is_integer():
            return super().to_internal_value(int(data))
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class Nothing(Shape):
    """No body, or an empty object."""


class ClaimBody(Shape):
    """How to claim."""

    override = Flag(default=False, help_text="Take it from who holds it; for leads.")


class LeaseBody(Shape):
    """Which claim is meant."""

    lease_id = Identity(default=None, allow_null=True)


class ReassignBody(Shape):
    """Who shall have the review."""

    to = Address(max_length=254, help_text="The e-mail of somebody who may decide in its queue.")


class CommentBody(Shape):
    """What to say about a review."""

    text = Text(trim_whitespace=False, min_length=1, max_length=discussion.MAX_COMMENT)


class DecisionBody(Shape):
    """A vote on a review."""

    outcome = serializers.ChoiceField(choices=Outcome.choices)
    reason_code = Text(default="", allow_blank=True, trim_whitespace=False, max_length=64)
    reason = Text(
        default="", allow_blank=True, trim_whitespace=False, max_length=decisions.MAX_REASON
    )
    edits = serializers.DictField(default=dict)
    lease_id = Identity(default=None, allow_null=True)
    override = Flag(default=False)
    undo_seconds = Whole(default=0, min_value=0, max_value=31_536_000)


class PageQuery(Shape):
    """Which page of a list."""

    cursor = Verbatim(default="", max_length=LONGEST_CURSOR)
    page_size = serializers.IntegerField(default=50, min_value=1, max_value=MOST_ROWS)


_STATUS = "|".join(ReviewTask.Status.values)


@extend_schema_field({"type": "string", "pattern": f"^({ANY}|({_STATUS})(,({_STATUS}))*)$"})
class Statuses(serializers.CharField):
    """Statuses with commas between them, or `any`."""

    def to_internal_value(self, data: Any) -> Any:
        """The statuses."""
        text = super().to_internal_value(data)
        if text == ANY:
            return sorted(ReviewTask.Status.values)
        named = set(text.split(","))
        if not named <= set(ReviewTask.Status.values):
            known = ", ".join(ReviewTask.Status.values)
            raise serializers.ValidationError(f"Choose any or some of {known}.")
        return sorted(named)


class ReviewFilter(Shape):
    """Which reviews, in which order."""

    queue = serializers.CharField(default="", max_length=50)
    status = Statuses(default="", trim_whitespace=False, help_text="Default: pending.")
    assignee = serializers.ChoiceField(choices=["me", "nobody"], default="")
    reference = Verbatim(default="", max_length=256)
    q = serializers.CharField(default="", max_length=100)
    ordering = serializers.ChoiceField(
        choices=["deadline", "-received_at", "-priority"], default="deadline"
    )


class ReviewQuery(ReviewFilter, PageQuery):
    """A page of those reviews."""


class OrderQuery(PageQuery):
    """A page of orders."""

    status = serializers.ChoiceField(choices=OrderExecution.Status.choices, default="")
    q = Verbatim(default="", max_length=256, help_text="How the order's id begins.")


class RestartBody(Shape):
    """Why an order is restarted, for those who come after."""

    reason = Text(
        default="", allow_blank=True, trim_whitespace=False, max_length=interventions.MAX_REASON
    )


class StopBody(Shape):
    """Why an order is stopped; the execution's history keeps it."""

    reason = Text(min_length=1, max_length=interventions.MAX_REASON)


@extend_schema_field({"type": "string", "pattern": sources.URL})
class ObjectUrl(Text):
    """`s3://bucket/key`; which buckets is not a matter of shape."""


class BatchBody(Shape):
    """Many orders: either here, or in an S3 object of a bucket that is allowed."""

    mode = serializers.ChoiceField(choices=OrderBatch.Mode.choices, default="executions")
    orders = serializers.ListField(
        child=serializers.DictField(), required=False, min_length=1, help_text="Orders, each once."
    )
    source = ObjectUrl(  # type: ignore[assignment]
        required=False, help_text="JSON, JSONL or CSV, in a bucket that this installation allows."
    )
    batch_size = Whole(default=100, min_value=1, max_value=MAX_BATCH_SIZE)
    on_bad_row = serializers.ChoiceField(choices=OrderBatch.OnBadRow.choices, default="skip")

    def validate(self, attrs: Any) -> Any:
        """One of the two."""
        if ("orders" in attrs) == ("source" in attrs):
            raise serializers.ValidationError({"orders": ["Give either orders or a source."]})
        return attrs


class QuarantineQuery(PageQuery):
    """A page of quarantined messages."""

    state = serializers.ChoiceField(choices=["open", "replayed", "discarded", ANY], default="open")
    queue = serializers.CharField(default="", max_length=50)


class DiscardBody(Shape):
    """Why a quarantined message may be forgotten."""

    reason = Text(min_length=1, max_length=quarantine.MAX_REASON)
