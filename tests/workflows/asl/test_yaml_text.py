"""YAML is read into the values of JSON, with CloudFormation's tags, and within bounds."""

from __future__ import annotations

import time
from typing import Any

import pytest

from approvals.workflows.asl.yaml_text import (
    MAX_CHARACTERS,
    MAX_VALUES,
    UnreadableYaml,
    parse_yaml,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Next: Yes", {"Next": "Yes"}),
        ("a: [on, off, no, y]", {"a": ["on", "off", "no", "y"]}),
        ("a: [true, False, null, ~, ]", {"a": [True, False, None, None]}),
        ("a:", {"a": None}),
        ("End: TRUE", {"End": True}),
        ("a: 2026-11-29", {"a": "2026-11-29"}),
        ("a: 2026-11-29T10:00:00Z", {"a": "2026-11-29T10:00:00Z"}),
        ("a: [010, -5, +5, 12:30, 1_000, 0x1F]", {"a": [10, -5, 5, "12:30", "1_000", "0x1F"]}),
        ("a: [1.5, .5, 2., 1e3, 1.5.2]", {"a": [1.5, 0.5, 2.0, 1000.0, "1.5.2"]}),
        ("1: a\ntrue: b\n2026-01-01: c", {"1": "a", "true": "b", "2026-01-01": "c"}),
        ("a: ${Name}", {"a": "${Name}"}),
        ("a: !Ref B", {"a": {"Ref": "B"}}),
        ("a: !GetAtt B.Arn", {"a": {"Fn::GetAtt": "B.Arn"}}),
        ("a: !Sub 'x${B}'", {"a": {"Fn::Sub": "x${B}"}}),
        ("a: !Join ['', [a, !Ref B]]", {"a": {"Fn::Join": ["", ["a", {"Ref": "B"}]]}}),
        ("a: !Transform {Name: N}", {"a": {"Fn::Transform": {"Name": "N"}}}),
        ("a: !If [A, 1, 2]", {"a": {"Fn::If": ["A", 1, 2]}}),
        ("a: &r [1]\nb: *r", {"a": [1], "b": [1]}),
        ("a: &r {x: 1, y: 2}\nb: {<<: *r, y: 3}", {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}}),
        ("b: {<<: &r {x: 1}, x: 2}\nc: *r", {"b": {"x": 2}, "c": {"x": 1}}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        ("", None),
    ],
)  # fmt: skip
def test_a_document_becomes_the_values_of_json(text: str, value: Any) -> None:
    assert parse_yaml(text) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [1", "line 1, column"),
        ("a: 1\nb: 2\na: 3", "'a' twice in one object (line 3)"),
        ("? [a]\n: b", "a key is no text (line 1)"),
        ("a: *nowhere", "undefined alias"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("a: !!timestamp 2026-01-01", "could not determine a constructor"),
        ("a: &r [*r]", "an alias stands for what it is in (line 1)"),
        ("a: \x00", "special characters are not allowed"),
        ("--- a\n--- b", "but found another document"),
        (f"a: {'9' * 5_000}", "4300 digits"),
        ("a" * (MAX_CHARACTERS + 1), "1,048,577 characters"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(text: str, why: str) -> None:
    with pytest.raises(UnreadableYaml) as refused:
        parse_yaml(text)

    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


def test_aliases_that_stand_for_billions_are_refused_before_they_are_followed() -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60))]
    merged = ["a0: &a0 {k: 1}"]
    merged += [f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}" for i in range(1, 60)]
    started = time.process_time()

    for bomb in (lines, merged):
        with pytest.raises(UnreadableYaml, match=f"more than {MAX_VALUES:,} values"):
            parse_yaml("\n".join(bomb))

    assert time.process_time() - started < 2
