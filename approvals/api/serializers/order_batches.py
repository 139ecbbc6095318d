"""Order batches: the request that stores one, and a batch with its progress in responses."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approvals.api.serializers.fields import StrictInteger, StrictText
from approvals.api.serializers.requests import StrictSerializer
from approvals.models import OrderBatch, RefusedRow
from approvals.models.batches import MOST_IN_A_CARRIER
from approvals.orchestration.batches import progress, sources


@extend_schema_field({"type": "string", "pattern": sources.URL})
class S3URL(StrictText):
    """`s3://bucket/key`; which buckets is not a matter of shape."""


class BatchBody(StrictSerializer):
    """Many orders: either here, or in an S3 object of a bucket that is allowed."""

    mode = serializers.ChoiceField(choices=OrderBatch.Mode.choices, default="executions")
    orders = serializers.ListField(
        child=serializers.DictField(), required=False, min_length=1, help_text="Orders, each once."
    )
    source = S3URL(  # type: ignore[assignment]
        required=False, help_text="JSON, JSONL or CSV, in a bucket that this installation allows."
    )
    batch_size = StrictInteger(default=100, min_value=1, max_value=MOST_IN_A_CARRIER)
    on_bad_row = serializers.ChoiceField(choices=OrderBatch.OnBadRow.choices, default="skip")

    def validate(self, attrs: Any) -> Any:
        """One of the two."""
        if ("orders" in attrs) == ("source" in attrs):
            raise serializers.ValidationError({"orders": ["Give either orders or a source."]})
        return attrs


class RefusedRowAnswer(serializers.Serializer[RefusedRow]):
    """A row of a batch's source that became no order."""

    line = serializers.IntegerField()
    order_id = serializers.CharField(help_text="Empty where the row could not be read.")
    code = serializers.CharField(help_text="Why, in one word that does not change.")
    reason = serializers.CharField()


class OrderBatchAnswer(serializers.Serializer[OrderBatch]):
    """A batch of orders, and what its rows have come to. The context brings `stands`."""

    id = serializers.UUIDField()
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="`s3://bucket/key`, `file:name`, or `api`."
    )
    mode = serializers.ChoiceField(choices=OrderBatch.Mode.choices)
    batch_size = serializers.IntegerField(source="size")
    on_bad_row = serializers.ChoiceField(choices=OrderBatch.OnBadRow.choices)
    status = serializers.ChoiceField(choices=OrderBatch.Status.choices)
    trouble = serializers.CharField(help_text="Why it was stopped, or empty.")
    progress = serializers.SerializerMethodField(help_text="0 to 1.")
    counts = serializers.SerializerMethodField(
        help_text="Rows by their end; all but `read` sum up to it."
    )
    refusals = serializers.SerializerMethodField(help_text="The first 100 rows that were refused.")
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)

    def get_progress(self, batch: OrderBatch) -> float:
        """How far it is."""
        return round(progress.progress(batch, self.context["stands"])[0], 4)

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    def get_counts(self, batch: OrderBatch) -> dict[str, int]:
        """What its rows have come to."""
        return progress.sums(batch, self.context["stands"])

    @extend_schema_field(RefusedRowAnswer(many=True))
    def get_refusals(self, batch: OrderBatch) -> Any:
        """The first refused rows."""
        first = list(batch.refusals.order_by("item")[:100])
        return [RefusedRowAnswer(row).data for row in first]
