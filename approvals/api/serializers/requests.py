"""What request serializers share: unknown names are refused, and lists take a cursor and a page size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from approvals.api.serializers.fields import VerbatimText

ANY = "any"
MOST_ROWS = 200
LONGEST_CURSOR = 1_000
UNKNOWN_NAME = "There is no field or parameter of this name."


class StrictSerializer(serializers.Serializer[Any]):
    """An object of exactly these fields."""

    def to_internal_value(self, data: Any) -> Any:
        """Raises ValidationError for a name that is no field of this serializer."""
        if isinstance(data, Mapping):
            unknown = [name for name in data if name not in self.fields]
            if unknown:
                raise serializers.ValidationError({unknown[0]: [UNKNOWN_NAME]})
        return super().to_internal_value(data)


class EmptyBody(StrictSerializer):
    """No body, or an empty object."""


class PageQuery(StrictSerializer):
    """Which page of a list, and its size."""

    cursor = VerbatimText(default="", max_length=LONGEST_CURSOR)
    page_size = serializers.IntegerField(default=50, min_value=1, max_value=MOST_ROWS)
