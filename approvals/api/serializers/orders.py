"""Orders: the list's query, restart and stop requests, and an order with its attempts in responses."""

from __future__ import annotations

from rest_framework import serializers

from approvals.actions import interventions
from approvals.api.pagination import PageQuery
from approvals.api.serializers.fields import StrictText, VerbatimText
from approvals.api.serializers.requests import StrictSerializer
from approvals.models import OrderExecution, OrderIntervention


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
    execution_arn = serializers.CharField(
        allow_null=True, read_only=True, help_text="Null until Step Functions has accepted it."
    )
    status = serializers.ChoiceField(choices=OrderExecution.Status.choices)
    refusal = serializers.CharField(help_text="Why Step Functions refused it; empty if it did not.")
    error = OutageAnswer(
        allow_null=True,
        read_only=True,
        help_text="Null unless the execution ended with an error.",
    )
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True, help_text="According to Step Functions.")


class OrderAnswer(AttemptAnswer):
    """An order with its latest attempt."""

    order_id = serializers.CharField()


class InterventionAnswer(serializers.Serializer[OrderIntervention]):
    """A redrive or stop of an execution, and its outcome."""

    kind = serializers.ChoiceField(choices=OrderIntervention.Kind.choices)
    attempt = serializers.IntegerField(source="order.attempt")
    reason = serializers.CharField()
    by = serializers.EmailField(allow_null=True, read_only=True)
    asked_at = serializers.DateTimeField(source="created_at")
    outcome = serializers.ChoiceField(
        choices=OrderIntervention.Outcome.choices,
        allow_null=True,
        read_only=True,
        help_text="Null until it is known.",
    )
    ended_at = serializers.DateTimeField(allow_null=True)


class WholeOrderAnswer(OrderAnswer):
    """An order with its input, its attempts and its interventions."""

    input = serializers.DictField(
        read_only=True,
        help_text="As it was received; text that looks like a task token is redacted.",
    )
    attempts = AttemptAnswer(many=True, read_only=True, help_text="Newest first.")
    interventions = InterventionAnswer(
        many=True, read_only=True, help_text="Redrives and stops, newest first."
    )
