"""Decisions by webhook: the signed request and its response."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from approvals.actions import decisions
from approvals.api.serializers.fields import StrictBoolean, StrictText
from approvals.messages import MAX_TOKEN, TaskToken
from approvals.models.choices import Outcome


class WebhookDecision(serializers.Serializer[Any]):
    """A decision by webhook. Give exactly one of `task_token` and `review_id`."""

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
        """Raises ValidationError for unknown names, without repeating them: one may be a task token."""
        if isinstance(data, dict) and not data.keys() <= self.fields.keys():
            names = ", ".join(self.fields)
            raise ValidationError(
                {"non_field_errors": [f"The body has members other than {names}."]}
            )
        return super().to_internal_value(data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises ValidationError unless exactly one of `task_token` and `review_id` is given.

        The task token is wrapped, so that no log or traceback shows it.
        """
        if ("task_token" in attrs) == ("review_id" in attrs):
            raise ValidationError("Give either task_token or review_id.")
        if "task_token" in attrs:
            attrs["task_token"] = TaskToken(attrs["task_token"])
        return attrs


class WebhookDecisionAnswer(serializers.Serializer[Any]):
    """What this request has decided. The values never change: a repeated request gets the same bytes."""

    review_id = serializers.UUIDField()
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    decision_id = serializers.UUIDField(allow_null=True, help_text="Null while votes are missing.")
    by = serializers.EmailField()
    decided_at = serializers.DateTimeField(
        allow_null=True, help_text="Null while votes are missing."
    )
