"""The rule `asl`: what AWS refuses is found at its place, and what it takes is not found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from approvals.workflows.asl.parser import read_definition
from approvals.workflows.linting.linter import lint
from tests.workflows.linting.definitions import (
    HERE,
    Body,
    a_map,
    definition,
    findings,
    function,
    workflow,
)

CASES = HERE / "cases"


def general(body: Body) -> list[tuple[str, str]]:
    """Place and reason of each finding of the general check."""
    return [
        (one.violation.pointer, one.violation.reason)
        for one in lint(definition(body))
        if one.rule.id == "asl"
    ]


@pytest.mark.parametrize(
    ("break_it", "place", "message"),
    [
        ({"Next": "Nowhere"}, "/States/Weigh/Next", "No state is called 'Nowhere'"),
        ({"End": True}, "/States/Weigh", 'needs either Next or "End": true'),
        ({"Seconds": 3}, "/States/Weigh/Seconds", "'Seconds' is no field here (Task in JSONPath)"),
        ({"Arguments": {}}, "/States/Weigh/Arguments", "is no field here"),
        ({"Catch": [{"ErrorEquals": []}]}, "/States/Weigh/Catch/0", "Next is missing"),
        ({"Catch": [{"ErrorEquals": [], "Next": "Done"}]}, "/States/Weigh/Catch/0", "is empty"),
        ({"Resource": "weigh"}, "/States/Weigh/Resource", "must be an ARN"),
        ({"Type": "Tusk"}, "/States/Weigh", "Type 'Tusk' is none of"),
        ({"TimeoutSeconds": "30"}, "/States/Weigh/TimeoutSeconds", "must be a whole number"),
        ({"TimeoutSeconds": 0}, "/States/Weigh/TimeoutSeconds", "must be at least 1"),
        ({"TimeoutSecondsPath": "$.t"}, "/States/Weigh", "both TimeoutSeconds and"),
        ({"ResultPath": "$.a[*]"}, "/States/Weigh/ResultPath", "can match several places"),
        ({"ResultPath": "$$.Execution"}, "/States/Weigh/ResultPath", "cannot be written"),
        (
            {"Retry": [{"ErrorEquals": ["E"], "BackoffRate": 0.5}]},
            "/States/Weigh/Retry/0/BackoffRate",
            "must be at least 1",
        ),
        (
            {"Retry": [{"ErrorEquals": ["E"], "JitterStrategy": "SOME"}]},
            "/States/Weigh/Retry/0/JitterStrategy",
            "must be FULL or NONE",
        ),
    ],
)
def test_the_general_check_names_the_place(break_it: Body, place: str, message: str) -> None:
    found = general(workflow(Weigh=function(**break_it)))

    assert any(at.startswith(place) and message in reason for at, reason in found), found


@pytest.mark.parametrize("path", sorted(CASES.glob("fp*")), ids=lambda path: path.stem)
def test_what_aws_takes_has_no_finding(path: Path) -> None:
    assert findings(read_definition(path)) == []


@pytest.mark.parametrize(
    ("name", "place", "message"),
    [
        ("miss06-name-and-path-of-one-key", "/States/A/Parameters/a.$", "one key twice"),
        ("miss08-intrinsic-as-variable", "/States/A/Choices/0/Variable", "is no path"),
        ("miss09-jsonata-unclosed", "/States/A/Output/a", "has {% and no %}"),
    ],
)
def test_what_aws_refuses_is_found_once(name: str, place: str, message: str) -> None:
    [found] = lint(read_definition(CASES / f"{name}.asl.json"))

    assert (found.rule.id, found.violation.pointer) == ("asl", place)
    assert message in found.violation.reason


@pytest.mark.parametrize(
    "body",
    [
        {"Resource": "${Weigh}"},
        {"Resource": {"Fn::GetAtt": ["Weigh", "Arn"]}},
        {"TimeoutSeconds": "${Limit}"},
        {"Retry": "${Retry}"},
        {"Next": "${After}", "ResultPath": "${Path}"},
        {"ResultPath": None, "OutputPath": None, "InputPath": "$$.Execution.Input"},
        {"InputPath": "$order.items[?(@.weight > 3)]", "End": False},
        {"Assign": {"n.$": "States.MathAdd($n, 1)", "t.$": "$$.Task.Token"}},
        {"Parameters": {"a.$": "$..book[?(@.title =~ /.*\\(x\\].*/)]", "b.$": "$.a[-2:]"}},
        {"Parameters": {"a.$": "States.Format('it\\'s ({})', $['a)b'])", "Path": "x.$"}},
        {"Credentials": {"RoleArn.$": "$.role"}, "HeartbeatSecondsPath": "$$.Execution.Input.h"},
        {"Retry": [{"ErrorEquals": ["States.ALL"], "MaxDelaySeconds": 60, "Comment": "c"}]},
    ],
    ids=lambda body: next(iter(body)),
)
def test_what_is_completed_later_and_the_whole_language_have_no_finding(body: Body) -> None:
    assert general(workflow(Weigh=function(**body), Done={"Type": "Succeed"})) == []


def test_a_whole_jsonata_workflow_has_no_finding() -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": "{% $states.input %}",
        "TimeoutSeconds": "{% $n %}",
        "Retry": [{"ErrorEquals": ["States.ALL"], "BackoffRate": 2}],
        "Assign": {"n": "{% $n + 1 %}"},
        "Output": {"a": ["{% 1 %}", "plain"]},
        "Next": "Rest",
    }
    rest = {"Type": "Wait", "Timestamp": "{% $states.input.at %}", "Next": "Each"}
    each = a_map("{% $n %}", kind="STANDARD")  # type: ignore[arg-type]
    del each["ResultPath"]
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "Arguments": {"Bucket": "b"},
        "ReaderConfig": {"InputType": "CSV", "MaxItems": "{% $n %}"},
    }
    body = workflow(Weigh=task, Rest=rest, Each=each | {"ItemReader": reader})

    assert general(body | {"QueryLanguage": "JSONata"}) == []


def test_fields_of_the_other_query_language_are_found() -> None:
    passed: Body = {"Type": "Pass", "QueryLanguage": "JSONata", "Next": "Done"}

    found = general(workflow(A=passed | {"Parameters": {}, "Output": {"a.$": "$.a"}}))

    assert [place for place, _ in found] == ["/States/A/Parameters", "/States/A/Output/a.$"]


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        ("Choices", [], "/Choices"),
        ("Choices", [{"Variable": "$.a", "Next": "Done"}], "/Choices/0"),
        ("Choices", [{"StringEquals": "a", "Next": "Done"}], "/Choices/0"),
        ("Choices", [{"Not": {"Variable": "$.a"}, "Next": "Done"}], "/Choices/0/Not"),
        ("Choices", [{"Variable": "$.a", "IsGreat": True, "Next": "Done"}], "/Choices/0/IsGreat"),
        (
            "Choices",
            [{"Variable": "$.a", "NumericEquals": "1", "Next": "Done"}],
            "/Choices/0/NumericEquals",
        ),
        ("Default", "Nowhere", "/Default"),
    ],
)
def test_a_choice_is_checked_rule_by_rule(field: str, value: Any, place: str) -> None:
    rule = {"Variable": "$.a", "IsPresent": True, "Next": "Done"}
    choice: Body = {"Type": "Choice", "Choices": [rule], "Default": "Done"}

    found = general(workflow(A=choice | {field: value}, Done={"Type": "Succeed"}))

    assert f"/States/A{place}" in {at for at, _ in found}


def test_a_state_that_nothing_leads_to_is_found_at_its_place() -> None:
    body = workflow(Weigh=function())
    body["States"]["Lost"] = {"Type": "Pass", "Next": "Done"}

    assert ("asl", "/States/Lost") in findings(definition(body))


def test_rules_nested_as_deep_as_a_file_may_be_do_not_end_the_check() -> None:
    rule: Body = {"Variable": "$.a", "IsNull": True}
    for _ in range(180):
        rule = {"Not": rule}
    choice: Body = {"Type": "Choice", "Choices": [rule | {"Next": "Done"}], "Default": "Done"}

    assert all("too deep" in reason for _, reason in general(workflow(A=choice)))
