"""Quarantined messages: the list's query, the discard request, and a message in responses."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approvals.actions import ingest
from approvals.api.serializers.fields import StrictText
from approvals.api.serializers.requests import ANY, PageQuery, StrictSerializer
from approvals.models import QuarantinedMessage


class QuarantineQuery(PageQuery):
    """A page of quarantined messages."""

    state = serializers.ChoiceField(choices=["open", "replayed", "discarded", ANY], default="open")
    queue = serializers.CharField(default="", max_length=50)


class DiscardBody(StrictSerializer):
    """Why a quarantined message may be forgotten."""

    reason = StrictText(min_length=1, max_length=ingest.MAX_REASON)


QUARANTINE_STATES = ("open", "replayed", "discarded")


class QuarantineAnswer(serializers.Serializer[QuarantinedMessage]):
    """A message that could not become a review."""

    id = serializers.UUIDField()
    queue = serializers.SlugField(source="queue.slug")
    state = serializers.SerializerMethodField()
    origin = serializers.ChoiceField(choices=QuarantinedMessage.Origin.choices)
    reason = serializers.CharField(help_text="Why, in one word that does not change.")
    explanation = serializers.CharField()
    bytes = serializers.IntegerField(source="raw_body_bytes")
    sqs_message_id = serializers.CharField()
    sent_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    replayed_at = serializers.DateTimeField(allow_null=True)
    replayed_by = serializers.SerializerMethodField()
    replayed_as = serializers.UUIDField(
        source="replayed_as_id", allow_null=True, help_text="The review it became."
    )
    discarded_at = serializers.DateTimeField(allow_null=True)
    discarded_by = serializers.SerializerMethodField()
    discard_reason = serializers.CharField()

    @extend_schema_field(serializers.ChoiceField(choices=QUARANTINE_STATES))
    def get_state(self, message: QuarantinedMessage) -> str:
        """What became of it."""
        if message.replayed_at is not None:
            return "replayed"
        return "open" if message.discarded_at is None else "discarded"

    @extend_schema_field(serializers.EmailField(allow_null=True))
    def get_replayed_by(self, message: QuarantinedMessage) -> str | None:
        """Who replayed it."""
        return message.replayed_by.email if message.replayed_by else None

    @extend_schema_field(serializers.EmailField(allow_null=True))
    def get_discarded_by(self, message: QuarantinedMessage) -> str | None:
        """Who discarded it."""
        return message.discarded_by.email if message.discarded_by else None


class QuarantinedMessageAnswer(QuarantineAnswer):
    """One such message with its body. The context brings the `body`, tokens blotted out."""

    body = serializers.SerializerMethodField(
        help_text="As it came, but for what is or looks like a task token. Null without its key."
    )

    def get_body(self, message: QuarantinedMessage) -> str | None:
        """Never the bytes themselves: those may hold a token."""
        body: str | None = self.context["body"]
        return body
