"""Decisions by webhook: the signed request and its response."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from approvals.actions import decisions
from approvals.api.serializers.fields import StrictBoolean, StrictText
from approvals.messages import MAX_TOKEN, TaskToken
from approvals.models.decisions import Outcome


class WebhookDecision(serializers.Serializer[Any]):
    """A decision by webhook. Of `task_token` and `review_id`, exactly one is given."""

    task_token = StrictText(required=False, max_length=MAX_TOKEN, trim_whitespace=False)
    review_id = serializers.UUIDField(required=False)
    approved = StrictBoolean()
    reviewer_email = StrictText(max_length=254)
    reason = StrictText(
        default="",
        allow_blank=True,
        allow_null=True,
        trim_whitespace=False,
        max_length=decisions.MAX_REASON,
    )

    def to_internal_value(self, data: Any) -> Any:
        """As DRF's, after refusing what is not known, without naming it."""
        if isinstance(data, dict) and not data.keys() <= self.fields.keys():
            known = ", ".join(self.fields)
            raise ValidationError({"non_field_errors": [f"The body names more than {known}."]})
        return super().to_internal_value(data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Exactly one way to name the review; a token shows itself to nobody from here on."""
        if ("task_token" in attrs) == ("review_id" in attrs):
            raise ValidationError("Give either task_token or review_id.")
        if "task_token" in attrs:
            attrs["task_token"] = TaskToken(attrs["task_token"])
        return attrs


class WebhookDecisionAnswer(serializers.Serializer[Any]):
    """What this call has done, in facts that never change: a replay gets the same bytes."""

    review_id = serializers.UUIDField()
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    decision_id = serializers.UUIDField(allow_null=True, help_text="Null while votes are missing.")
    by = serializers.EmailField()
    decided_at = serializers.DateTimeField(
        allow_null=True, help_text="Null while votes are missing."
    )
