"""Definitions made after public reports (issues, questions, other linters' tests): what each gives, exactly.

Each is ours, small, and named by what was reported. `TAKEN` are those that AWS takes and that other tools,
or we, refused; `REFUSED` those that AWS refuses when they are created, with the place; `FOUND` those that
AWS takes and that go wrong when they run; `UNREADABLE` are no definitions.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from approvals.workflows.asl.parser import UnreadableDefinition, parse_definitions
from tests.workflows.linting.definitions import Body, findings, function, waits, workflow

PASS: Body = {"Type": "Pass", "End": True}
RULE: Body = {"Variable": "$.a", "IsNull": True, "Next": "B"}
CHOICE: Body = {"Type": "Choice", "Choices": [RULE], "Default": "B"}
WAIT: Body = {"Type": "Wait", "Seconds": 1, "End": True}
BRANCH: Body = {"StartAt": "C", "States": {"C": PASS}}
TOKEN = "$$.Task.Token"


def call(action: str = "aws-sdk:s3:headObject", **fields: Any) -> Body:
    """A call of an API of AWS that has no finding."""
    task = {"Type": "Task", "Resource": f"arn:aws:states:::{action}", "TimeoutSeconds": 60}
    return task | {"Parameters": {"Bucket": "b", "Key": "k"}, "End": True} | fields


def one(state: Body) -> Body:
    """A workflow of this state and a second one, to which the rules of its Choice lead."""
    return workflow(A=state) if state["Type"] != "Choice" else workflow(A=state, B=PASS)


def distributed(**fields: Any) -> Body:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    processor = {"ProcessorConfig": config} | BRANCH
    return {"Type": "Map", "ItemProcessor": processor, "MaxConcurrency": 5, "End": True} | fields


def asks(body: Body, **parameters: Any) -> Body:
    """A review with this message, which tells nothing but what is in it."""
    review = waits()
    fields = review["Parameters"]["MessageBody"] | {"taskToken.$": None} | body
    message = {name: value for name, value in fields.items() if value is not None}
    return review | {"Parameters": {"QueueUrl": "q", "MessageBody": message} | parameters}


TAKEN: dict[str, Body | str] = {
    "a Choice without Default": one({key: CHOICE[key] for key in ("Type", "Choices")}),
    "a Map with Iterator, the old name": one({"Type": "Map", "Iterator": BRANCH, "End": True}),
    "a state in JSONata in a workflow in JSONPath": one(
        {"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% 1 %}", "End": True}
    ),
    "MaxAttempts 0 to switch a retry off": one(
        call(Retry=[{"ErrorEquals": ["X"], "MaxAttempts": 0}])
    ),
    "BackoffRate 1": one(call(Retry=[{"ErrorEquals": ["X"], "BackoffRate": 1}])),
    "a filter in a path": one(PASS | {"Parameters": {"a.$": "$.b[?(@.c==1)].d"}}),
    "an HTTP endpoint": one(call("http:invoke", Parameters={"ApiEndpoint": "u", "Method": "GET"})),
    "a variable in Variable": one(CHOICE | {"Choices": [RULE | {"Variable": "$round"}]}),
    "the context in Variable": one(
        CHOICE | {"Choices": [RULE | {"Variable": "$$.Execution.Input.x"}]}
    ),
    "a role of another account": one(
        call(Credentials={"RoleArn": "arn:aws:iam::123456789012:role/x"})
    ),
    "a Fail with paths": one(
        {"Type": "Fail", "ErrorPath": "$.Error", "CausePath": "States.Format('{}', $.Cause)"}
    ),
    "a nested workflow": one(
        call(
            "states:startExecution.sync:2",
            Parameters={
                "StateMachineArn": "arn",
                "Input": {"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": "$$.Execution.Id"},
            },
        )
    ),
    "a function by Fn::GetAtt": one(call() | {"Resource": {"Fn::GetAtt": ["F", "Arn"]}}),
    "a target that Terraform fills in": one({"Type": "Pass", "Next": "${next}"}),
    "the token in a message attribute": workflow(
        Ask=asks({}, MessageAttributes={"taskToken": {"StringValue.$": TOKEN}})
    ),
    "the token by JsonMerge": workflow(
        Ask=asks({}) | {"Parameters": {"MessageBody.$": f"States.JsonMerge($, {TOKEN}, false)"}}
    ),
    "null in place of a path": one(call(InputPath=None, ResultPath=None, OutputPath=None)),
}
REFUSED: dict[str, tuple[Body | str, str]] = {
    "no StartAt": ({"TimeoutSeconds": 60, "States": {"A": PASS}}, ""),
    "Next and End together": (one(PASS | {"Next": "A"}), "/States/A"),
    "Next in a Fail": (one({"Type": "Fail", "Next": "A"}), "/States/A/Next"),
    "End in a Choice": (one(CHOICE | {"End": True}), "/States/A/End"),
    "a Choice without rules": (one(CHOICE | {"Choices": []}), "/States/A/Choices"),
    "a Default that is not there": (one(CHOICE | {"Default": "C"}), "/States/A/Default"),
    "a Parallel without branches": (one({"Type": "Parallel", "End": True}), "/States/A"),
    "States.ALL beside another error": (
        one(call(Retry=[{"ErrorEquals": ["States.ALL", "X"]}])), "/States/A/Retry/0/ErrorEquals",
    ),
    "a Wait for two times": (one(WAIT | {"SecondsPath": "$.s"}), "/States/A"),
    "a Wait for nothing": (one({"Type": "Wait", "End": True}), "/States/A"),
    "a day in place of a time": (
        one({"Type": "Wait", "Timestamp": "tomorrow", "End": True}), "/States/A/Timestamp",
    ),
    "a state in JSONPath in a workflow in JSONata": (
        one(PASS | {"QueryLanguage": "JSONPath"}) | {"QueryLanguage": "JSONata"},
        "/States/A/QueryLanguage",
    ),
    "jsonata in small letters": (one(PASS) | {"QueryLanguage": "jsonata"}, "/QueryLanguage"),
    "a comment as a key": (one(PASS | {"//": "x"}), "/States/A/~1~1"),
    "one name in two machines": (
        workflow(C={"Type": "Parallel", "Branches": [BRANCH], "End": True}),
        "/States/C/Branches/0/States/C",
    ),
    "ResultSelector in a Pass": (one(PASS | {"ResultSelector": {}}), "/States/A/ResultSelector"),
    "Parameters in a Choice": (one(CHOICE | {"Parameters": {}}), "/States/A/Parameters"),
    "IntervalSeconds 0": (
        one(call(Retry=[{"ErrorEquals": ["X"], "IntervalSeconds": 0}])), "/States/A/Retry/0/IntervalSeconds",
    ),
    "MaxAttempts without end": (
        one(call(Retry=[{"ErrorEquals": ["X"], "MaxAttempts": 10**8}])), "/States/A/Retry/0/MaxAttempts",
    ),
    "a function that is spelled otherwise": (
        one(PASS | {"Parameters": {"a.$": "States.Uuid()"}}), "/States/A/Parameters/a.$",
    ),
    "a filter in ResultPath": (one(call(ResultPath="$.b[?(@.c==1)]")), "/States/A/ResultPath"),
    "a function in InputPath": (one(call(InputPath="States.Array(1)")), "/States/A/InputPath"),
    "101 percent": (
        one(distributed(ToleratedFailurePercentage=101)), "/States/A/ToleratedFailurePercentage",
    ),
    "a number as a text": (
        one(CHOICE | {"Choices": [{"Variable": "$.a", "NumericEquals": "5", "Next": "B"}]}),
        "/States/A/Choices/0/NumericEquals",
    ),
    "a Variable without $": (
        one(CHOICE | {"Choices": [RULE | {"Variable": "a"}]}), "/States/A/Choices/0/Variable",
    ),
    "two comparisons in a rule": (
        one(CHOICE | {"Choices": [RULE | {"IsPresent": True}]}), "/States/A/Choices/0",
    ),
    "Next in an inner rule": (
        one(CHOICE | {"Choices": [{"And": [RULE], "Next": "B"}]}), "/States/A/Choices/0/And/0/Next",
    ),
    "Error and ErrorPath": (one({"Type": "Fail", "Error": "x", "ErrorPath": "$.e"}), "/States/A"),
}  # fmt: skip
FOUND: dict[str, tuple[Body, list[tuple[str, str]]]] = {
    "the token's path as a text": (
        workflow(Ask=asks({"taskToken": TOKEN})), [("callback-token-missing", "/States/Ask")],
    ),
    "the token below another key": (
        workflow(Ask=asks({"meta": {"taskToken.$": TOKEN}})), [("callback-token-missing", "/States/Ask")],
    ),
    "a heartbeat as slow as the timeout": (
        one(call(HeartbeatSeconds=60)), [("heartbeat-above-timeout", "/States/A/HeartbeatSeconds")],
    ),
    "an activity without a timeout": (
        {"StartAt": "A", "States": {"A": {
            "Type": "Task", "Resource": "arn:aws:states:us-east-1:123456789012:activity:x", "End": True,
        }}},
        [("workflow-timeout-missing", "")],
    ),
    "an order that a Catch replaces": (
        workflow(
            A=function(Catch=[{"ErrorEquals": ["X"], "Next": "B"}], Next="Done"),
            B=PASS | {"Parameters": {"a.$": "$.orderId"}},
        ),
        [("catch-loses-input", "/States/A/Catch/0")],
    ),
    "a name of 81 characters": (workflow(**{"x" * 81: PASS}), [("name-limit", f"/States/{'x' * 81}")]),
    "a FIFO queue without a group": (
        one(call("sqs:sendMessage", Parameters={"QueueUrl": "https://q/x.fifo", "MessageBody": "a"})),
        [("fifo-group-missing", "/States/A")],
    ),
}  # fmt: skip
UNREADABLE = {
    "a comma too many": ('{"StartAt": "A", "States": {"A": {"Type": "Succeed"},}}', "not JSON"),
    "comments": ('{ // mine\n"StartAt": "A"}', "not JSON"),
    "nothing": ("", "not JSON"),
    "a list of definitions": (json.dumps([one(PASS)]), "no object called States"),
    "a definition below another key": (json.dumps({"definition": one(PASS)}), "no object called"),
}


def read(content: Body | str) -> list[tuple[str, str]]:
    text = content if isinstance(content, str) else json.dumps(content)
    return [found for one in parse_definitions(text, "reported.json") for found in findings(one)]


@pytest.mark.parametrize("name", TAKEN)
def test_what_aws_takes_and_runs_has_no_finding(name: str) -> None:
    assert read(TAKEN[name]) == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_aws_refuses_is_found_at_its_place_and_nothing_else(name: str) -> None:
    content, place = REFUSED[name]

    assert read(content) == [("asl", place)]


@pytest.mark.parametrize("name", FOUND)
def test_what_goes_wrong_when_it_runs_is_found_and_nothing_else(name: str) -> None:
    content, found = FOUND[name]

    assert read(content) == found


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_definition_is_refused_in_a_sentence(name: str) -> None:
    text, words = UNREADABLE[name]

    with pytest.raises(UnreadableDefinition, match=words):
        parse_definitions(text, "reported.json")


@pytest.mark.parametrize(("kind", "found"), [("STANDARD", []), ("EXPRESS", ["express-too-long"])])
def test_what_describe_state_machine_prints_is_read_with_its_type(
    kind: str, found: list[str]
) -> None:
    definition = json.dumps(one(WAIT | {"Seconds": 600}) | {"TimeoutSeconds": 200})

    assert [rule for rule, _ in read({"type": kind, "definition": definition})] == found


def test_a_definition_that_cdk_has_put_together_is_read() -> None:
    parts = [
        '{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:', {"Ref": "AWS::Partition"},
        ':states:::aws-sdk:s3:headObject","Parameters":{"Bucket":"', {"Ref": "B"}, '"},"End":true}}}',
    ]  # fmt: skip
    properties = {"DefinitionString": {"Fn::Join": ["", parts]}}
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}

    assert read({"Resources": {"M": machine}}) == []
