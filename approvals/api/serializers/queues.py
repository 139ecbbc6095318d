"""Queues: the response with what waits in each."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class QueueAnswer(serializers.Serializer[Any]):
    """A queue with the number of its open reviews, counted up to 100."""

    slug = serializers.SlugField()
    name = serializers.CharField()
    open = serializers.IntegerField(max_value=100)
    open_is_capped = serializers.BooleanField(help_text="There are more open reviews than `open`.")
    oldest_received_at = serializers.DateTimeField(allow_null=True)
    oldest_age_seconds = serializers.IntegerField(allow_null=True)
    next_deadline_at = serializers.DateTimeField(allow_null=True)
