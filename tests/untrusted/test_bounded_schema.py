"""No schema and no document keeps a process busy: it is refused when it is saved, or when it is applied."""

from __future__ import annotations

import time
from typing import Any

import pytest

from approvals.untrusted import json_schema
from approvals.untrusted.json_schema import UnusableSchema

SECONDS = 2.5  # of processor time; about 0.5 on a quiet machine


def doubling(levels: int) -> dict[str, Any]:
    """Definitions that each refer twice to the next one."""
    return {
        f"a{level}": {"allOf": [{"$ref": f"#/$defs/a{level + 1}"}] * 2} for level in range(levels)
    } | {f"a{levels}": {}}


def mixed(count: int) -> list[Any]:
    """Values of all kinds, each another one."""
    return [[each, str(each), {"a": each}, [each], each + 0.5][each % 5] for each in range(count)]


def test_references_that_double_are_refused_when_the_schema_is_saved() -> None:
    began = time.process_time()
    with pytest.raises(UnusableSchema, match="too much work"):
        json_schema.check_schema({"$defs": doubling(18), "$ref": "#/$defs/a0"})
    assert time.process_time() - began < SECONDS


HOSTILE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "references that double": (
        {"$defs": doubling(18), "properties": {"a": {"$ref": "#/$defs/a0"}}},
        {"a": 1},
    ),
    "references in each item": (
        {"$defs": doubling(8), "properties": {"a": {"items": {"$ref": "#/$defs/a0"}}}},
        {"a": list(range(4_000))},
    ),
    "many alternatives that fail": (
        {"properties": {"a": {"anyOf": [{"type": "null"}] * 400}}},
        {"a": ["x" * 60] * 3_000},
    ),
    "many values to compare": (
        {"properties": {"a": {"items": {"enum": [{"b": [each] * 5} for each in range(1_000)]}}}},
        {"a": [{"b": [9] * 5}] * 2_000},
    ),
    "names of no meaning": (
        {"properties": {"a": {"items": {f"x{each}": 1 for each in range(20_000)} | {"type": "integer"}}}},
        {"a": [1] * 10_000},
    ),
    "nested unevaluated items": (
        {"properties": {"a": {"unevaluatedItems": False, "allOf": [{"contains": {"not": {}}}] * 300}}},
        {"a": list(range(3_000))},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_document_that_takes_too_much_work_is_refused(name: str) -> None:
    schema, document = HOSTILE[name]
    began = time.process_time()
    json_schema.check_schema(schema)
    with pytest.raises(UnusableSchema, match="too much work"):
        json_schema.first_mismatch(schema, document)
    assert time.process_time() - began < SECONDS


def test_elements_are_compared_in_linear_time() -> None:
    schema = {"properties": {"a": {"uniqueItems": True}}}
    began = time.process_time()
    assert json_schema.first_mismatch(schema, {"a": mixed(4_000)}) is None
    same_hash = [each * (2**61 - 1) for each in range(1_000, 5_000)]
    assert json_schema.first_mismatch(schema, {"a": same_hash}) is None
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("items", "unique"),
    [
        ([1, 1.0], False),
        ([1, True], True),
        ([0, False], True),
        ([[1], [True]], True),
        ([{"a": 1, "b": 2}, {"b": 2.0, "a": 1}], False),
        (["1", 1], True),
        ([None, "null"], True),
        ([1e22, 10**22], False),
        ([], True),
    ],
)
def test_elements_are_equal_as_json_schema_says(items: list[Any], unique: bool) -> None:
    found = json_schema.first_mismatch({"properties": {"a": {"uniqueItems": True}}}, {"a": items})
    assert (found is None) == unique


def test_a_schema_whose_own_arrays_are_long_is_refused_in_time() -> None:
    began = time.process_time()
    with pytest.raises(UnusableSchema):
        json_schema.check_schema({"required": mixed(8_000)})
    assert time.process_time() - began < SECONDS


def test_an_order_of_a_thousand_lines_is_checked() -> None:
    line = {
        "type": "object",
        "required": ["sku", "quantity"],
        "additionalProperties": False,
        "properties": {
            "sku": {"type": "string", "maxLength": 40, "pattern": "^[A-Z0-9-]+$"},
            "name": {"type": "string", "maxLength": 200},
            "quantity": {"type": "integer", "minimum": 1, "maximum": 1_000},
            "price": {"type": "number", "minimum": 0},
        },
    }
    schema = {"$defs": {"line": line}, "properties": {"lines": {"items": {"$ref": "#/$defs/line"}}}}
    json_schema.check_schema(schema)
    lines = [{"sku": f"A-{n}", "name": "Lamp", "quantity": 1, "price": 9.5} for n in range(1_000)]
    assert json_schema.first_mismatch(schema, {"lines": lines}) is None
    wrong = json_schema.first_mismatch(schema, {"lines": [*lines, {"sku": "B", "quantity": 0}]})
    assert wrong is not None
    assert wrong.pointer == "/lines/1000/quantity"


def test_a_schema_of_a_tree_is_applied_to_a_tree_and_one_of_itself_alone_refused() -> None:
    tree: dict[str, Any] = {"properties": {"next": {"$ref": "#"}, "name": {"type": "string"}}}
    document: dict[str, Any] = {"name": 7}
    for _ in range(40):
        document = {"next": document}

    json_schema.check_schema(tree)
    mismatch = json_schema.first_mismatch(tree, document)

    assert mismatch is not None
    assert mismatch.pointer == "/next" * 40 + "/name"
    assert json_schema.first_mismatch(tree, {"next": {"name": "x"}}) is None


@pytest.mark.parametrize("frames", range(0, 420, 60))
def test_a_reference_to_itself_is_refused_however_deep_the_caller_is(frames: int) -> None:
    def call(left: int) -> None:
        if left:
            call(left - 1)
            return
        with pytest.raises(UnusableSchema, match="refers to itself"):
            json_schema.first_mismatch({"$ref": "#"}, {})

    call(frames)
