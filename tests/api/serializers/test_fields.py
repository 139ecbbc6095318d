"""Fields of requests take one JSON type each, and the patterns of the schema mean the same."""

from __future__ import annotations

import re
from typing import Any

import pytest
from rest_framework import serializers

from approvals.api.serializers import fields

AN_ID = "01a203be-dfa7-7a98-a842-c430dab4db4e"


@pytest.mark.parametrize(
    ("field", "value", "taken"),
    [
        (fields.StrictText(), "7", "7"),
        (fields.StrictText(), " a ", "a"),
        (fields.VerbatimText(), " a ", " a "),
        (fields.EmailAddress(), "ada@example.com", "ada@example.com"),
        (fields.StrictBoolean(), False, False),
        (fields.StrictInteger(), 68, 68),
        (fields.StrictInteger(), 68.0, 68),
    ],
)
def test_a_value_of_the_right_type_is_taken(
    field: serializers.Field[Any, Any, Any, Any], value: Any, taken: Any
) -> None:
    found = field.run_validation(value)

    assert (found, type(found)) == (taken, type(taken))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (fields.StrictText(), 7),
        (fields.StrictText(), True),
        (fields.StrictText(), ["a"]),
        (fields.EmailAddress(), "ada"),
        (fields.StrictBoolean(), 1),
        (fields.StrictBoolean(), "true"),
        (fields.StrictInteger(), "68"),
        (fields.StrictInteger(), 68.5),
        (fields.StrictInteger(), True),
        (fields.StrictInteger(), float("inf")),
        (fields.StrictUUID(), AN_ID.replace("-", "")),
        (fields.StrictUUID(), f"{{{AN_ID}}}"),
        (fields.StrictUUID(), 7),
    ],
)
def test_a_value_of_another_type_is_refused_and_not_guessed_at(
    field: serializers.Field[Any, Any, Any, Any], value: Any
) -> None:
    with pytest.raises(serializers.ValidationError):
        field.run_validation(value)


def test_a_uuid_is_taken_in_either_case() -> None:
    assert str(fields.StrictUUID().run_validation(AN_ID.upper())) == AN_ID


@pytest.mark.parametrize(
    ("text", "storable", "filled"),
    [
        ("x", True, True),
        (" x\n", True, True),
        ("", True, False),
        (" \t\n\x0b\x1c\x85\xa0\u3000", True, False),
        ("a\0b", False, False),
    ],
)
def test_the_patterns_tell_what_can_be_stored_and_what_is_blank(
    text: str, storable: bool, filled: bool
) -> None:
    assert bool(re.search(fields.STORABLE, text)) == storable
    assert bool(re.search(fields.NOT_BLANK, text)) == filled
