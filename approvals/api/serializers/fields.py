"""Field types of requests and responses.

Request fields take one JSON type only: a number given as text is a mistake of the caller's program,
and a decision is the wrong place to guess what was meant.
"""

from __future__ import annotations

import re
from typing import Any

from django.core.validators import EmailValidator
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

# For the schema, in what ECMA 262 and Python both read: a text that can be stored, one of them that
# says something (the blanks that ECMA's \s does not know are named), and an id in its usual spelling.
STORABLE = r"^[^\u0000]*$"
NOT_BLANK = r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085][^\u0000]*$"
UUID_PATTERN = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


class StrictText(serializers.CharField):
    """A string, not a number that looks like one."""

    def to_internal_value(self, data: Any) -> str:
        """The text, untouched."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field({"type": "string", "pattern": STORABLE})
class VerbatimText(serializers.CharField):
    """A text of which blanks are a part too."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)


@extend_schema_field({"type": "string", "format": "email"})
class EmailAddress(StrictText):
    """An e-mail address, whether or not anybody has it."""

    default_validators = [EmailValidator("This is no e-mail address.")]


@extend_schema_field({"type": "string", "format": "uuid", "pattern": UUID_PATTERN})
class StrictUUID(serializers.UUIDField):
    """A UUID as the API itself spells it, not a number and not its digits alone."""

    def to_internal_value(self, data: Any) -> Any:
        """The UUID."""
        if not isinstance(data, str) or not re.fullmatch(UUID_PATTERN, data):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class StrictBoolean(serializers.BooleanField):
    """`true` or `false`, not "yes" or 1."""

    def to_internal_value(self, data: Any) -> bool:
        """The flag."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class StrictInteger(serializers.IntegerField):
    """A whole number, not a text and not `true`; to JSON, 68.0 is 68."""

    def to_internal_value(self, data: Any) -> int:
        """The number."""
        if isinstance(data, float) and data.is_integer():
            return super().to_internal_value(int(data))
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


@extend_schema_field(OpenApiTypes.OBJECT)
class JSONDocument(serializers.JSONField):
    """JSON as it was stored."""
