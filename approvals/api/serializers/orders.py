"""Orders: the list's query, restart and stop requests, and an order with its attempts in responses."""

from __future__ import annotations

import json
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approvals.actions import interventions
from approvals.api.serializers.fields import StrictText, VerbatimText
from approvals.api.serializers.requests import PageQuery, StrictSerializer
from approvals.models import OrderExecution, OrderIntervention
from approvals.untrusted import redaction


class OrderQuery(PageQuery):
    """Which orders a list holds, and which page of it."""

    status = serializers.ChoiceField(choices=OrderExecution.Status.choices, default="")
    q = VerbatimText(default="", max_length=256, help_text="The beginning of the order's id.")


class RestartBody(StrictSerializer):
    """The reason to restart an order."""

    reason = StrictText(
        default="", allow_blank=True, trim_whitespace=False, max_length=interventions.MAX_REASON
    )


class StopBody(StrictSerializer):
    """The reason to stop an order; it becomes part of the cause in the execution's history."""

    reason = StrictText(min_length=1, max_length=interventions.MAX_REASON)


class OutageAnswer(serializers.Serializer[OrderExecution]):
    """The error that ended an execution."""

    name = serializers.CharField(source="error")
    cause = serializers.CharField(
        help_text="The beginning of the cause; text that looks like a task token is redacted."
    )


class AttemptAnswer(serializers.Serializer[OrderExecution]):
    """One attempt to fulfil an order: an execution."""

    attempt = serializers.IntegerField()
    execution_arn = serializers.SerializerMethodField(
        help_text="Null until Step Functions has accepted it."
    )
    status = serializers.ChoiceField(choices=OrderExecution.Status.choices)
    refusal = serializers.CharField(help_text="Why Step Functions refused it; empty if it did not.")
    error = serializers.SerializerMethodField(
        help_text="Null unless the execution ended with an error."
    )
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True, help_text="According to Step Functions.")

    def get_execution_arn(self, order: OrderExecution) -> str | None:
        """The ARN in a response of Step Functions; never composed from its parts."""
        return order.execution_arn or None

    @extend_schema_field(OutageAnswer(allow_null=True))
    def get_error(self, order: OrderExecution) -> dict[str, Any] | None:
        """The error that ended the execution, or null."""
        return dict(OutageAnswer(order).data) if order.error else None


class OrderAnswer(AttemptAnswer):
    """An order with its latest attempt."""

    order_id = serializers.CharField()


class InterventionAnswer(serializers.Serializer[OrderIntervention]):
    """A redrive or stop of an execution, and its outcome."""

    kind = serializers.ChoiceField(choices=OrderIntervention.Kind.choices)
    attempt = serializers.IntegerField(source="order.attempt")
    reason = serializers.CharField()
    by = serializers.SerializerMethodField()
    asked_at = serializers.DateTimeField(source="created_at")
    outcome = serializers.SerializerMethodField(help_text="Null until it is known.")
    ended_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(serializers.EmailField(allow_null=True))
    def get_by(self, hand: OrderIntervention) -> str | None:
        """The e-mail address of the person who asked; null if a command did."""
        return hand.created_by.email if hand.created_by else None

    @extend_schema_field(
        serializers.ChoiceField(choices=OrderIntervention.Outcome.choices, allow_null=True)
    )
    def get_outcome(self, hand: OrderIntervention) -> str | None:
        """The outcome, or null."""
        return hand.outcome or None


class WholeOrderAnswer(OrderAnswer):
    """An order with its input, its attempts and its interventions."""

    # The context holds `attempts` and `interventions`.

    input = serializers.SerializerMethodField(
        help_text="As it was received; text that looks like a task token is redacted."
    )
    attempts = serializers.SerializerMethodField(help_text="Newest first.")
    interventions = serializers.SerializerMethodField(help_text="Redrives and stops, newest first.")

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_input(self, order: OrderExecution) -> Any:
        """The input, with text that looks like a task token redacted."""
        return redaction.redact_json(json.loads(order.input))

    @extend_schema_field(AttemptAnswer(many=True))
    def get_attempts(self, order: OrderExecution) -> list[dict[str, Any]]:
        """All attempts at the order."""
        return [dict(AttemptAnswer(row).data) for row in self.context["attempts"]]

    @extend_schema_field(InterventionAnswer(many=True))
    def get_interventions(self, order: OrderExecution) -> list[dict[str, Any]]:
        """The interventions in all attempts."""
        return [dict(InterventionAnswer(row).data) for row in self.context["interventions"]]
