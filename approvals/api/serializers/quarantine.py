"""Quarantined messages: the list's query, the discard request, and a message in responses."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approvals.actions import quarantine
from approvals.api.serializers.fields import StrictText
from approvals.api.serializers.requests import ANY, PageQuery, StrictSerializer
from approvals.models import QuarantinedMessage


class QuarantineQuery(PageQuery):
    """Which quarantined messages a list holds, and which page of it."""

    state = serializers.ChoiceField(choices=["open", "replayed", "discarded", ANY], default="open")
    queue = serializers.CharField(default="", max_length=50)


class DiscardBody(StrictSerializer):
    """The reason to discard a quarantined message."""

    reason = StrictText(min_length=1, max_length=quarantine.MAX_REASON)


QUARANTINE_STATES = ("open", "replayed", "discarded")


class QuarantineAnswer(serializers.Serializer[QuarantinedMessage]):
    """A message that could not become a review."""

    id = serializers.UUIDField()
    queue = serializers.SlugField(source="queue.slug")
    state = serializers.SerializerMethodField()
    origin = serializers.ChoiceField(choices=QuarantinedMessage.Origin.choices)
    reason = serializers.CharField(help_text="Why, as a stable code.")
    explanation = serializers.CharField()
    bytes = serializers.IntegerField(source="raw_body_bytes")
    sqs_message_id = serializers.CharField()
    sent_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    replayed_at = serializers.DateTimeField(allow_null=True)
    replayed_by = serializers.SerializerMethodField()
    replayed_as = serializers.UUIDField(
        source="replayed_as_id", allow_null=True, help_text="The review that was created from it."
    )
    discarded_at = serializers.DateTimeField(allow_null=True)
    discarded_by = serializers.SerializerMethodField()
    discard_reason = serializers.CharField()

    @extend_schema_field(serializers.ChoiceField(choices=QUARANTINE_STATES))
    def get_state(self, message: QuarantinedMessage) -> str:
        """`open`, `replayed` or `discarded`."""
        if message.replayed_at is not None:
            return "replayed"
        return "open" if message.discarded_at is None else "discarded"

    @extend_schema_field(serializers.EmailField(allow_null=True))
    def get_replayed_by(self, message: QuarantinedMessage) -> str | None:
        """The e-mail address of the person who replayed it, or null."""
        return message.replayed_by.email if message.replayed_by else None

    @extend_schema_field(serializers.EmailField(allow_null=True))
    def get_discarded_by(self, message: QuarantinedMessage) -> str | None:
        """The e-mail address of the person who discarded it, or null."""
        return message.discarded_by.email if message.discarded_by else None


class QuarantinedMessageAnswer(QuarantineAnswer):
    """A quarantined message with its body."""

    # The context holds the `body`, redacted.

    body = serializers.SerializerMethodField(
        help_text="As received, with what is or looks like a task token redacted. Null if its key is missing."
    )

    def get_body(self, message: QuarantinedMessage) -> str | None:
        """The redacted body, never the bytes themselves: those may hold a task token."""
        body: str | None = self.context["body"]
        return body
