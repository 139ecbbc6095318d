"""Lenient JSON: what is odd is kept as text and named, and what is no JSON is refused with its place."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from approvals.untrusted.lenient_json import read, storable
from approvals.untrusted.strict_json import Unreadable


@pytest.mark.parametrize(
    ("text", "value", "changed"),
    [
        ('{"a": NaN, "b": -Infinity}', {"a": "NaN", "b": "-Infinity"}, ("a", "b")),
        ('{"a": [1e999]}', {"a": ["1e999"]}, ("a",)),
        ('{"a": 1' + "0" * 64 + "}", {"a": "1" + "0" * 64}, ("a",)),
        ('{"a": -0.' + "1" * 62 + "}", {"a": "-0." + "1" * 62}, ("a",)),
        ("[0.25,-1E999]", [0.25, "-1E999"], ()),
        ("1e65", "1e65", ()),
        ("[1, 2.5, true, null]", [1, 2.5, True, None], ()),
        ('{"a": {"b": "x\\u0000\\ud800"}}', {"a": {"b": "x\\u0000\\ud800"}}, ("a",)),
        ('{"a\\u0000": 1}', {"a\\u0000": 1}, ("a\\u0000",)),
        ('{"a": {"\\ud800": 1}}', {"a": {"\\ud800": 1}}, ("a",)),
        ('{"a": 1, "b": 0, "a": 2}', {"a": 2, "b": 0}, ("a",)),
        ('{"a": {"b": 1, "b": 2}}', {"a": {"b": 2}}, ("a",)),
        ('\ufeff{"a": "\t\n"}', {"a": "\t\n"}, ()),
        ("[NaN]", ["NaN"], ()),
    ],
    ids=repr,
)
def test_what_cannot_be_stored_becomes_text_and_its_member_is_named(
    text: str, value: Any, changed: tuple[str, ...]
) -> None:
    assert storable(read(text)) == (value, changed)


def test_a_part_that_is_too_deep_becomes_its_own_text_once() -> None:
    deep = "[" * 70 + '"]"' + "]" * 70
    value, changed = storable(read(f'{{"a": {deep}, "b": {deep}}}'))

    for name in changed:
        inner = value[name]
        for _ in range(63):
            (inner,) = inner
        assert json.loads(inner) == [[[[[[["]"]]]]]]]
    assert changed == ("a", "b")


@pytest.mark.parametrize(
    "text",
    [
        '{"a": %s, "a": 1}',
        '{"a": {"b": %s, "b": 1}}',
        "[[], {}, [{}], %s]",
        '{"a": %s, "b": "' + "[" * 70 + '"}',
    ],
)
@pytest.mark.parametrize("deep", ["[" * 80 + "]" * 80, "[" * 80 + "no JSON" + "]" * 80])
def test_a_deep_part_becomes_text_wherever_it_stands(text: str, deep: str) -> None:
    assert all(depth(value) <= 65 for value in everywhere(read(text % deep)))


def everywhere(value: Any) -> list[Any]:
    """A value, and the values that repeated keys had before."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    before = [each for them in getattr(value, "repeated", {}).values() for each in them]
    return [value, *before, *(found for each in inner for found in everywhere(each))]


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, inner), default=0)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": 1,}', "line 1 column 9 (character 8)"),
        ('{\n"a": 1 2}', "line 2 column 8 (character 9)"),
        ('{"a": ' + "[" * 70 + "]" * 70 + ", nope}", "line 1 column 149 (character 148)"),
        ("[" * 70, "line 1 column 65 (character 64)"),
    ],
)
def test_a_refusal_says_where_it_stops_being_json(text: str, place: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(text)

    assert refused.value.reason == "not_json"
    assert place in refused.value.explanation


@pytest.mark.parametrize(
    ("text", "hint"), [("", "empty"), ("{'a': 1}", "json.dumps()"), ("<a/>", "XML"), ("x", "value")]
)
def test_a_refusal_says_what_it_looks_like(text: str, hint: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(text)

    assert hint in refused.value.explanation


@pytest.mark.parametrize("part", ['"\\', "[", "]", '[]"', '{"a":', "[[],", "9", "\\u0000"])
def test_reading_takes_time_in_proportion_to_the_text(part: str) -> None:
    def seconds(length: int) -> float:
        text = '{"a": "' + part * (length // len(part))
        best = []
        for _ in range(3):
            began = time.process_time()
            with pytest.raises(Unreadable):
                storable(read(text))
            best.append(time.process_time() - began)
        return min(best)

    assert seconds(400_000) < 12 * seconds(100_000) + 0.05
