"""Field types of requests and responses.

Request fields take one JSON type only: a number given as text is a mistake of the caller's program,
and a decision is the wrong place to guess what was meant.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

from django.core.validators import EmailValidator
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

# Patterns for the OpenAPI document that mean the same in ECMA 262 and in Python: a text that can be
# stored, one that is not blank (with the blanks that ECMA's \s lacks), and a UUID with its hyphens.
STORABLE = r"^[^\u0000]*$"
NOT_BLANK = r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085][^\u0000]*$"
UUID_PATTERN = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


class StrictText(serializers.CharField):
    """A string, not a number that looks like one."""

    def to_internal_value(self, data: Any) -> str:
        """Returns the text. Raises ValidationError for any other type."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field({"type": "string", "pattern": STORABLE})
class VerbatimText(serializers.CharField):
    """A text whose leading and trailing blanks count."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)


@extend_schema_field({"type": "string", "format": "email"})
class EmailAddress(StrictText):
    """An e-mail address, not necessarily a user's."""

    default_validators = [EmailValidator("This is not an e-mail address.")]


@extend_schema_field({"type": "string", "format": "uuid", "pattern": UUID_PATTERN})
class StrictUUID(serializers.UUIDField):
    """A UUID with hyphens, as the API writes it."""

    def to_internal_value(self, data: Any) -> Any:
        """Returns the UUID. Raises ValidationError for any other spelling or type."""
        if not isinstance(data, str) or not re.fullmatch(UUID_PATTERN, data):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class Choice(serializers.ChoiceField):
    """One of some values; the refusal of another one lists them."""

    default_error_messages = {"invalid_choice": '"{input}" is not a valid choice: take {choices}.'}

    def fail(self, key: str, **values: Any) -> NoReturn:
        """Raise ValidationError with the text of this key."""
        super().fail(key, choices=", ".join(str(one) for one in self.choices), **values)


class StrictBoolean(serializers.BooleanField):
    """`true` or `false`, not "yes" or 1."""

    def to_internal_value(self, data: Any) -> bool:
        """Returns the boolean. Raises ValidationError for any other type."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class StrictInteger(serializers.IntegerField):
    """An integer, not a text or `true`. 68.0 is accepted as 68: JSON has one number type."""

    def to_internal_value(self, data: Any) -> int:
        """Returns the integer. Raises ValidationError for any other type."""
        if isinstance(data, float) and data.is_integer():
            return super().to_internal_value(int(data))
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


@extend_schema_field(OpenApiTypes.OBJECT)
class JSONDocument(serializers.JSONField):
    """Any JSON, as it was stored."""
