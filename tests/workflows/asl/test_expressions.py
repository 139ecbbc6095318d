"""The syntax of paths, intrinsic functions and JSONata expressions, as AWS's documentation has it."""

from __future__ import annotations

import time

import pytest

from approvals.workflows.asl.expressions import (
    jsonata_problem,
    path_problem,
    reference_problem,
    template_problem,
)


@pytest.mark.parametrize(
    "path",
    [
        *("$", "$.a", "$$", "$$.Execution.Id", "$order.id", "$.detail-type", "$['a b'].c"),
        *("$.a[0]", "$.a[-1:]", "$..b", "$.a[?(@.b == 'x]')]", "$.${Field}", "$.a.length()"),
    ],
)
def test_a_path_of_aws_is_no_problem(path: str) -> None:
    assert path_problem(path) == ""
    assert template_problem(path) == ""


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("order", "is no path"),
        ("", "is no path"),
        ("States.UUID()", "is no path"),
        ("$.a.", "ends with a dot"),
        ("$.a[0", "not closed"),
        ("$.a]", "not open"),
        ("$.a[?(@.b]", "not open"),
    ],
)
def test_what_is_no_path_is_reported_with_the_reason(path: str, why: str) -> None:
    assert why in path_problem(path)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        *(("$.a[*]", "several"), ("$..a", "several"), ("$.a[0:2]", "several")),
        *(("$$.Execution.Id", "cannot be written"), ("a", "is no path")),
    ],
)
def test_a_result_is_written_to_one_place(path: str, why: str) -> None:
    assert why in reference_problem(path)
    assert reference_problem("$.a-b['c:d'][0]") == ""


@pytest.mark.parametrize(
    "text",
    [
        *("States.UUID()", "States.Format('({}', $.a)", "States.MathAdd($n, -1)"),
        *("States.ArrayGetItem(States.Array($.a, 'b'), 0)", "States.Format('States.Other(')"),
    ],
)
def test_an_intrinsic_function_is_no_problem(text: str) -> None:
    assert template_problem(text) == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("States.Uuid()", "States.Uuid is no intrinsic function"),
        ("States.Format('{}', States.Now())", "States.Now is no intrinsic function"),
        ("States.Format('{}', $.a", "not closed"),
        ("States.UUID() + 1", "after its closing bracket"),
        ("States.Array(States.Array($.a)", "not closed"),
        ("hello", "neither a path nor an intrinsic function"),
        ("{% $states.input %}", "neither a path nor an intrinsic function"),
    ],
)
def test_what_is_no_function_is_reported_with_the_reason(text: str, why: str) -> None:
    assert why in template_problem(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{% $a", "no %}"),
        ("$a %}", "no {%"),
        (" {% $a %}", "blanks"),
        ("{% $a %} ", "blanks"),
        ("{%", "no %}"),
        ("{%}", "empty"),
    ],
)
def test_an_expression_of_jsonata_has_both_delimiters(text: str, why: str) -> None:
    assert why in jsonata_problem(text)
    assert not any(map(jsonata_problem, ("{% 1 %}", "{%1%}", "plain", "a {% 1 %} b", "")))


def test_a_long_text_takes_time_in_proportion() -> None:
    for hostile in ("'\\", "\\'", "([", "'\"", "States.A("):
        started = time.process_time()
        template_problem("States.Format(" + hostile * 100_000)
        assert time.process_time() - started < 2
