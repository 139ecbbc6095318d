"""Quarantined messages: the list's query, the discard request, and a message in responses."""

from __future__ import annotations

from rest_framework import serializers

from approvals.actions import quarantine
from approvals.api.pagination import PageQuery
from approvals.api.serializers.fields import Choice, StrictText
from approvals.api.serializers.requests import ANY, StrictSerializer
from approvals.models import QuarantinedMessage


class QuarantineQuery(PageQuery):
    """Which quarantined messages a list holds, and which page of it."""

    state = Choice(choices=["open", "replayed", "discarded", ANY], default="open")
    queue = serializers.CharField(default="", max_length=50)


class DiscardBody(StrictSerializer):
    """The reason to discard a quarantined message."""

    reason = StrictText(min_length=1, max_length=quarantine.MAX_REASON)


QUARANTINE_STATES = ("open", "replayed", "discarded")


class QuarantineAnswer(serializers.Serializer[QuarantinedMessage]):
    """A message that could not become a review."""

    id = serializers.UUIDField()
    queue = serializers.SlugField(source="queue.slug")
    state = serializers.ChoiceField(choices=QUARANTINE_STATES, read_only=True)
    origin = serializers.ChoiceField(choices=QuarantinedMessage.Origin.choices)
    reason = serializers.CharField(help_text="Why, as a stable code.")
    explanation = serializers.CharField()
    bytes = serializers.IntegerField(source="raw_body_bytes")
    sqs_message_id = serializers.CharField()
    sent_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    replayed_at = serializers.DateTimeField(allow_null=True)
    replayed_by = serializers.EmailField(allow_null=True, read_only=True)
    replayed_as = serializers.UUIDField(
        source="replayed_as_id", allow_null=True, help_text="The review that was created from it."
    )
    discarded_at = serializers.DateTimeField(allow_null=True)
    discarded_by = serializers.EmailField(allow_null=True, read_only=True)
    discard_reason = serializers.CharField()
    replay_asked_at = serializers.DateTimeField(
        allow_null=True,
        read_only=True,
        help_text="When a poller was asked to read its object in S3 and replay it, if that made no review yet.",
    )
    replay_refusal = serializers.CharField(
        read_only=True, help_text="Why that made no review; empty while it waits."
    )


class QuarantinedMessageAnswer(QuarantineAnswer):
    """A quarantined message with the beginning of its body."""

    body = serializers.CharField(
        allow_null=True,
        read_only=True,
        help_text="Its first 262,144 characters, as received, with what is or looks like a task token redacted."
        " Null if its key is missing.",
    )
    body_is_cut = serializers.BooleanField(help_text="Whether there is more of the body.")
    body_url = serializers.CharField(help_text="Where the whole body is.")


class QuarantinedBodyAnswer(serializers.Serializer[QuarantinedMessage]):
    """The whole body of a quarantined message."""

    id = serializers.UUIDField()
    body = serializers.CharField(
        allow_null=True, help_text="Redacted in the same way. Null if its key is missing."
    )
