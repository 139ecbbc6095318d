"""Order batches: the request that stores one, and a batch with its progress in responses."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approvals.api.serializers.fields import Choice, StrictInteger, StrictText
from approvals.api.serializers.requests import StrictSerializer
from approvals.models import OrderBatch, RefusedRow
from approvals.models.order_batches import MAX_BATCH_SIZE
from approvals.orchestration.batches import sources


@extend_schema_field({"type": "string", "pattern": sources.URL})
class S3URL(StrictText):
    """`s3://bucket/key`. Whether the bucket may be read is checked by the view."""


class BatchBody(StrictSerializer):
    """Many orders: in the request itself, or in an S3 object."""

    mode = Choice(choices=OrderBatch.Mode.choices, default="executions")
    orders = serializers.ListField(
        child=serializers.DictField(),
        required=False,
        min_length=1,
        help_text="One object an order.",
    )
    source = S3URL(  # type: ignore[assignment]
        required=False,
        help_text="`s3://bucket/key` of a JSON, JSONL or CSV object, in a bucket that this installation allows.",
    )
    batch_size = StrictInteger(default=100, min_value=1, max_value=MAX_BATCH_SIZE)
    on_bad_row = Choice(choices=OrderBatch.OnBadRow.choices, default="skip")

    def validate(self, attrs: Any) -> Any:
        """Raises ValidationError unless exactly one of `orders` and `source` is given."""
        if ("orders" in attrs) == ("source" in attrs):
            raise serializers.ValidationError({"orders": ["Give either orders or a source."]})
        return attrs


class RefusedRowAnswer(serializers.Serializer[RefusedRow]):
    """A row of a batch that did not become an order."""

    line = serializers.IntegerField()
    order_id = serializers.CharField(help_text="Empty if the row could not be read.")
    code = serializers.CharField(help_text="Why, as a stable code.")
    reason = serializers.CharField()


class OrderBatchAnswer(serializers.Serializer[OrderBatch]):
    """A batch of orders with the progress of its rows."""

    id = serializers.UUIDField()
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="`s3://bucket/key`, `file:name`, or `api`."
    )
    mode = serializers.ChoiceField(choices=OrderBatch.Mode.choices)
    batch_size = serializers.IntegerField(source="size")
    on_bad_row = serializers.ChoiceField(choices=OrderBatch.OnBadRow.choices)
    status = serializers.ChoiceField(choices=OrderBatch.Status.choices)
    trouble = serializers.CharField(help_text="Why reading was stopped; empty if it was not.")
    problem = serializers.CharField(
        help_text="What the batch waits for while its work is tried again, such as an object that S3"
        " refuses; empty if it waits for nothing."
    )
    progress = serializers.FloatField(read_only=True, help_text="From 0 to 1.")
    counts = serializers.DictField(
        child=serializers.IntegerField(),
        read_only=True,
        help_text="Rows by state; all counts but `read` add up to it.",
    )
    refusals = RefusedRowAnswer(
        many=True, read_only=True, help_text="The first 100 rows that were refused."
    )
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    lines = serializers.DictField(
        child=serializers.IntegerField(),
        allow_null=True,
        read_only=True,
        help_text="Lines of the source below its header, so far: `total` is the sum of `rows`, `refused`, `blank`"
        " and `continuation` (lines that go on with the row above). Null where rows are not lines.",
    )
