"""Queues: the response with what waits in each."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class QueueAnswer(serializers.Serializer[Any]):
    """A queue, and how much waits in it; counting stops at 100."""

    slug = serializers.SlugField()
    name = serializers.CharField()
    open = serializers.IntegerField(max_value=100)
    open_is_capped = serializers.BooleanField(help_text="There are more than `open` says.")
    oldest_received_at = serializers.DateTimeField(allow_null=True)
    oldest_age_seconds = serializers.IntegerField(allow_null=True)
    next_deadline_at = serializers.DateTimeField(allow_null=True)
