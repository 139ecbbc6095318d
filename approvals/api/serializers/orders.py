"""Orders: the list's query, restart and stop requests, and an order with its attempts in responses."""

from __future__ import annotations

import json
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approvals import messages
from approvals.actions import interventions
from approvals.api.serializers.fields import StrictText, VerbatimText
from approvals.api.serializers.requests import PageQuery, StrictSerializer
from approvals.models import OrderExecution, OrderIntervention


class OrderQuery(PageQuery):
    """A page of orders."""

    status = serializers.ChoiceField(choices=OrderExecution.Status.choices, default="")
    q = VerbatimText(default="", max_length=256, help_text="How the order's id begins.")


class RestartBody(StrictSerializer):
    """Why an order is restarted, for those who come after."""

    reason = StrictText(
        default="", allow_blank=True, trim_whitespace=False, max_length=interventions.MAX_REASON
    )


class StopBody(StrictSerializer):
    """Why an order is stopped; the execution's history keeps it."""

    reason = StrictText(min_length=1, max_length=interventions.MAX_REASON)


class OutageAnswer(serializers.Serializer[OrderExecution]):
    """The error an execution ended with."""

    name = serializers.CharField(source="error")
    cause = serializers.CharField(
        help_text="Its beginning; whatever looks like a token is blotted."
    )


class AttemptAnswer(serializers.Serializer[OrderExecution]):
    """One execution that was to fulfil an order."""

    attempt = serializers.IntegerField()
    execution_arn = serializers.SerializerMethodField(help_text="Null until Step Functions has it.")
    status = serializers.ChoiceField(choices=OrderExecution.Status.choices)
    refusal = serializers.CharField(help_text="Why Step Functions will not take it, or empty.")
    error = serializers.SerializerMethodField(help_text="Null unless it ended with one.")
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True, help_text="As Step Functions says.")

    def get_execution_arn(self, order: OrderExecution) -> str | None:
        """Known from an answer of Step Functions, never put together here."""
        return order.execution_arn or None

    @extend_schema_field(OutageAnswer(allow_null=True))
    def get_error(self, order: OrderExecution) -> dict[str, Any] | None:
        """What it ended with."""
        return dict(OutageAnswer(order).data) if order.error else None


class OrderAnswer(AttemptAnswer):
    """An order and the execution that fulfils it: its last attempt."""

    order_id = serializers.CharField()


class InterventionAnswer(serializers.Serializer[OrderIntervention]):
    """What somebody asked to be done to an execution, and what Step Functions made of it."""

    kind = serializers.ChoiceField(choices=OrderIntervention.Kind.choices)
    attempt = serializers.IntegerField(source="order.attempt")
    reason = serializers.CharField()
    by = serializers.SerializerMethodField()
    asked_at = serializers.DateTimeField(source="created_at")
    outcome = serializers.SerializerMethodField(help_text="Null while that is not known.")
    ended_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(serializers.EmailField(allow_null=True))
    def get_by(self, hand: OrderIntervention) -> str | None:
        """Who asked; null where it was a command."""
        return hand.created_by.email if hand.created_by else None

    @extend_schema_field(
        serializers.ChoiceField(choices=OrderIntervention.Outcome.choices, allow_null=True)
    )
    def get_outcome(self, hand: OrderIntervention) -> str | None:
        """How it ended."""
        return hand.outcome or None


class WholeOrderAnswer(OrderAnswer):
    """One order with its input, all attempts and what was done to them.

    The context brings `attempts` and `interventions`.
    """

    input = serializers.SerializerMethodField(help_text="As it was handed over.")
    attempts = serializers.SerializerMethodField(help_text="The latest first.")
    interventions = serializers.SerializerMethodField(help_text="Redrives and stops, latest first.")

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_input(self, order: OrderExecution) -> Any:
        """Without what looks like a task token."""
        return messages.without_tokens(json.loads(order.input))

    @extend_schema_field(AttemptAnswer(many=True))
    def get_attempts(self, order: OrderExecution) -> list[dict[str, Any]]:
        """Of the same order."""
        return [dict(AttemptAnswer(row).data) for row in self.context["attempts"]]

    @extend_schema_field(InterventionAnswer(many=True))
    def get_interventions(self, order: OrderExecution) -> list[dict[str, Any]]:
        """Of all attempts."""
        return [dict(InterventionAnswer(row).data) for row in self.context["interventions"]]
