"""Settings of a queue in requests and responses: where its messages hold their fields."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approvals.api.serializers.fields import StrictText
from approvals.api.serializers.requests import StrictSerializer
from approvals.models.message_sources import BUCKETS, MESSAGE_MAP

# As `untrusted.json_paths` reads a path.
PATH = r"""^\$(?:\.[^\W\d][\w-]*|\['[^'\]]+'\]|\["[^"\]]+"\]|\[[0-9]{1,6}\])+$"""
_MAP = MESSAGE_MAP | {
    "properties": {
        name: {"type": "string", "maxLength": 200, "pattern": PATH}
        for name in MESSAGE_MAP["properties"]  # type: ignore[attr-defined]
    },
    "description": "Where messages hold their fields, as JSON paths such as $.callback.id. It replaces the map.",
}
_BUCKETS = BUCKETS | {
    "description": "The S3 buckets to which messages may point. They replace the list."
}


@extend_schema_field(_MAP)
class MessageMap(serializers.DictField):
    """An object of texts; the model checks names and paths."""

    child = StrictText(trim_whitespace=False)


@extend_schema_field(_BUCKETS)
class PointerBuckets(serializers.ListField):
    """A list of texts; the model checks that they can be names of buckets."""

    child = StrictText(trim_whitespace=False)


class QueueSettingsBody(StrictSerializer):
    """The settings to change; what is not named stays as it is."""

    message_map = MessageMap(required=False)
    pointer_buckets = PointerBuckets(required=False)


class QueueSettingsAnswer(serializers.Serializer[Any]):
    """Where the messages of a queue hold their fields, and the version of its settings."""

    slug = serializers.SlugField()
    version = serializers.IntegerField(help_text="For If-Match, in quotes; the ETag has it too.")
    message_map = MessageMap()
    pointer_buckets = PointerBuckets()
