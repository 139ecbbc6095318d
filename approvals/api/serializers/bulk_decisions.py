"""Bulk decisions: the request that begins one, and one with the results of its reviews in responses."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approvals.actions import decisions
from approvals.api.serializers.fields import (
    UUID_PATTERN,
    Choice,
    StrictInteger,
    StrictText,
    StrictUUID,
)
from approvals.api.serializers.requests import StrictSerializer
from approvals.models import BulkItem, BulkJob
from approvals.models.bulk_jobs import MAX_ITEMS
from approvals.models.choices import Outcome


@extend_schema_field(
    {
        "type": "array",
        "items": {"type": "string", "format": "uuid", "pattern": UUID_PATTERN},
        "minItems": 1,
        "maxItems": MAX_ITEMS,
        "uniqueItems": True,
        "description": "Ids of reviews of one queue.",
    }
)
class ReviewIds(serializers.ListField):
    """The ids of 1 to MAX_ITEMS reviews; that they differ is checked by the verb."""

    child = StrictUUID()


class BulkDecisionBody(StrictSerializer):
    """Many reviews of one queue, to be decided one by one with one outcome and one reason."""

    reviews = ReviewIds(min_length=1, max_length=MAX_ITEMS)
    outcome = Choice(choices=Outcome.choices)
    reason_code = StrictText(default="", allow_blank=True, trim_whitespace=False, max_length=64)
    reason = StrictText(
        default="", allow_blank=True, trim_whitespace=False, max_length=decisions.MAX_REASON
    )
    undo_seconds = StrictInteger(default=0, min_value=0, max_value=31_536_000)


class BulkItemAnswer(serializers.Serializer[BulkItem]):
    """A review of a bulk decision with its result."""

    review = serializers.UUIDField()
    reference = serializers.CharField()
    state = serializers.ChoiceField(choices=BulkItem.State.choices)
    code = serializers.CharField(
        help_text="Why it was not decided, or its decision not undone, as a stable code; else empty."
    )
    detail = serializers.CharField(help_text="The same as a sentence.")
    decision = serializers.UUIDField(allow_null=True)


class BulkDecisionAnswer(serializers.Serializer[BulkJob]):
    """A bulk decision with the result of each review."""

    id = serializers.UUIDField()
    queue = serializers.SlugField()
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    reason_code = serializers.CharField()
    reason = serializers.CharField()
    by = serializers.EmailField()
    status = serializers.ChoiceField(choices=BulkJob.Status.choices)
    counts = serializers.DictField(
        child=serializers.IntegerField(),
        read_only=True,
        help_text="Reviews by state.",
    )
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    items = BulkItemAnswer(many=True, read_only=True, help_text="As they were given.")
