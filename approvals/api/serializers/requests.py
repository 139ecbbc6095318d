"""What request serializers share: unknown names are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

ANY = "any"
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
