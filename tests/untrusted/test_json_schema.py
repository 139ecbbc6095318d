"""JSON Schemas that people write: what is unusable is refused, and no document makes a request or takes long."""

from __future__ import annotations

import time
from typing import Any

import pytest

from approvals.untrusted import json_schema
from approvals.untrusted.json_schema import InvalidDocument, Mismatch, UnusableSchema

OURS = {"type": "array", "items": {"type": "object", "required": ["path"]}, "maxItems": 2}


def test_a_document_that_does_not_fit_is_refused_with_its_place() -> None:
    json_schema.check_document([{"path": "a"}], OURS)

    with pytest.raises(InvalidDocument, match=r"^at /1: 'path' is a required property$"):
        json_schema.check_document([{"path": "a"}, {}], OURS)
    with pytest.raises(InvalidDocument, match=r"^\[.*\] is too long$"):
        json_schema.check_document([{"path": "a"}] * 3, OURS)


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        (7, "A JSON Schema is an object here."),
        (True, "A JSON Schema is an object here."),
        ({"type": "strin"}, "No JSON Schema: at /type: 'strin' is not valid"),
        (
            {"properties": {"a": {"patternProperties": {"(a+)+$": {}}}}},
            "at /properties/a/patternProperties: patternProperties are not taken here.",
        ),
        ({"$ref": "https://example.com/schema.json"}, "cannot be applied"),
        ({"$ref": "#"}, "cannot be applied"),
        ({"$ref": "#/$defs/none"}, "cannot be applied"),
    ],
)
def test_an_unusable_schema_is_refused_in_a_sentence(schema: Any, sentence: str) -> None:
    with pytest.raises(UnusableSchema) as refused:
        json_schema.check_schema(schema)

    assert sentence in str(refused.value)


def test_the_first_mismatch_has_a_json_pointer_and_a_bounded_sentence() -> None:
    schema = {"properties": {"a/b~c": {"items": {"maxLength": 3}}}}

    assert json_schema.first_mismatch(schema, {"a/b~c": ["abc"]}) is None

    mismatch = json_schema.first_mismatch(schema, {"a/b~c": ["abc", "x" * 1_000]})
    assert isinstance(mismatch, Mismatch)
    assert mismatch.pointer == "/a~1b~0c/1"
    assert len(mismatch.explanation) == json_schema.MAX_EXPLANATION


def test_a_pattern_is_matched_in_time_that_grows_with_the_text_alone() -> None:
    schema = {"properties": {"a": {"pattern": "^(a+)+$"}}}
    json_schema.check_schema(schema)
    began = time.process_time()

    assert json_schema.first_mismatch(schema, {"a": "a" * 50_000}) is None
    assert json_schema.first_mismatch(schema, {"a": "a" * 50_000 + "!"}) is not None

    assert time.process_time() - began < 3


def test_a_pattern_that_cannot_be_read_makes_the_schema_unusable() -> None:
    with pytest.raises(UnusableSchema, match="a pattern cannot be read"):
        json_schema.first_mismatch({"properties": {"a": {"pattern": "(?=a)"}}}, {"a": "b"})
