"""Texts that AWS evaluates in a state: only where it evaluates them."""

from __future__ import annotations

import pytest

from tests.workflows.linting.definitions import Body, definition, findings, workflow


def general(**states: Body) -> list[str]:
    """The places of the findings of the general check."""
    return [place for rule, place in findings(definition(workflow(**states))) if rule == "asl"]


@pytest.mark.parametrize(
    "fields",
    [
        {"Result": {"a": 1, "a.$": "no path"}},
        {"Comment": "{% never closed"},
        {"Parameters": {"FilePath": "reports", "Variable": "x"}},
        {"Parameters": {"$.a": "x", "text": "{% not JSONata here"}},
    ],
    ids=repr,
)
def test_what_is_taken_as_it_stands_is_not_judged(fields: Body) -> None:
    assert general(A={"Type": "Pass", "End": True} | fields) == []


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"Parameters": {"a": [{"b.$": "order"}]}}, "/Parameters/a/0/b.$"),
        ({"Parameters": {"b.$": 7}}, "/Parameters/b.$"),
        ({"Assign": {"x.$": "States.Now()"}}, "/Assign/x.$"),
        ({"InputPath": "order"}, "/InputPath"),
        ({"OutputPath": "States.UUID()"}, "/OutputPath"),
        ({"ResultPath": "order"}, "/ResultPath"),
        ({"Parameters": {"a/b~": 1, "a/b~.$": "$.x"}}, "/Parameters/a~1b~0.$"),
    ],
    ids=repr,
)
def test_what_is_evaluated_is_judged_at_its_place(fields: Body, place: str) -> None:
    assert general(A={"Type": "Pass", "End": True} | fields) == [f"/States/A{place}"]


def test_a_failure_takes_a_function_for_its_cause() -> None:
    assert general(A={"Type": "Fail", "CausePath": "States.Format('{}', $.a)"}) == []
    assert general(A={"Type": "Fail", "CausePath": "cause"}) == ["/States/A/CausePath"]


def test_the_states_inside_are_judged_in_their_own_language() -> None:
    inner = {
        "StartAt": "In",
        "States": {
            "In": {"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% 1 %}", "End": True}
        },
    }
    outer: Body = {"Type": "Parallel", "Branches": [inner], "ResultPath": "$.a", "End": True}

    assert general(A=outer) == []
