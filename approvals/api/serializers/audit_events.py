"""Audit events of a review: the response."""

from __future__ import annotations

from rest_framework import serializers

from approvals.api.serializers.fields import JSONDocument
from approvals.models import AuditEvent


class EventAnswer(serializers.Serializer[AuditEvent]):
    """An audit event, linked to the one before it by their hashes."""

    seq = serializers.IntegerField()
    kind = serializers.CharField()
    actor = serializers.CharField(source="actor_name")
    on_behalf_of = serializers.EmailField(
        source="on_behalf_of.email", default=None, allow_null=True
    )
    surface = serializers.CharField()
    data = JSONDocument()  # type: ignore[assignment]  # a field, not the serializer's own `data`
    at = serializers.DateTimeField()
    prev_hash = serializers.CharField(read_only=True, help_text="In hexadecimal.")
    hash = serializers.CharField(read_only=True, help_text="In hexadecimal.")
