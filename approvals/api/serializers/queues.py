"""Queues: the response with what waits in each."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from approvals.models.choices import Outcome


class ReasonCodeAnswer(serializers.Serializer[Any]):
    """A reason that a queue offers; `template` stands for it where a decision has no text."""

    code = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field, not the serializer's own
    template = serializers.CharField(help_text="Empty: the label stands for it.")
    outcomes = serializers.ListField(child=serializers.ChoiceField(choices=Outcome.choices))


class QueueAnswer(serializers.Serializer[Any]):
    """A queue with the number of its open reviews, counted up to 100."""

    slug = serializers.SlugField()
    name = serializers.CharField()
    open = serializers.IntegerField(max_value=100)
    open_is_capped = serializers.BooleanField(help_text="There are more open reviews than `open`.")
    oldest_received_at = serializers.DateTimeField(allow_null=True)
    oldest_age_seconds = serializers.IntegerField(allow_null=True)
    next_deadline_at = serializers.DateTimeField(allow_null=True)
    reason_codes = ReasonCodeAnswer(
        many=True, help_text="In the desk's order. Where it is empty, any code is accepted."
    )
    reason_required_for = serializers.ListField(
        child=serializers.ChoiceField(choices=Outcome.choices),
        help_text="Outcomes for which a decision needs a reason or a reason code.",
    )
