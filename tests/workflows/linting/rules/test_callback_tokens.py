"""The task token is sent where its receiver looks: intake's names and places, or anywhere."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.workflows.asl.parser import read_definition
from approvals.workflows.linting.linter import lint
from tests.workflows.linting.definitions import HERE, Body, definition, workflow

TOKEN = "$$.Task.Token"
EXPRESSION = "{% $states.context.Task.Token %}"
SQS = "sqs:sendMessage"


def reasons(resource: str, payload: Any, *, jsonata: bool = False, **fields: Any) -> list[str]:
    """The reasons of `callback-token-missing` for one state with this payload."""
    state: Body = {
        "Type": "Task",
        "Resource": f"arn:aws:states:::{resource}.waitForTaskToken",
        "Arguments" if jsonata else "Parameters": payload,
        "QueryLanguage": "JSONata" if jsonata else "JSONPath",
        "Next": "Done",
    } | fields
    return [
        found.violation.reason
        for found in lint(definition(workflow(Ask=state)))
        if found.rule.id == "callback-token-missing"
    ]


@pytest.mark.parametrize(
    "key", ["taskToken", "TaskToken", "task_token", "task-token", "TASK_TOKEN", "token"]
)
@pytest.mark.parametrize("jsonata", [False, True], ids=["JSONPath", "JSONata"])
@pytest.mark.parametrize(
    ("resource", "wrap"),
    [
        (SQS, lambda body: {"QueueUrl": "q", "MessageBody": body}),
        ("aws-sdk:sqs:sendMessage", lambda body: {"QueueUrl": "q", "MessageBody": body}),
        ("sns:publish", lambda body: {"TopicArn": "t", "Message": body}),
        ("events:putEvents", lambda body: {"Entries": [{"Source": "s"}, {"Detail": body}]}),
    ],
    ids=["sqs", "sdk-sqs", "sns", "events"],
)
def test_every_spelling_at_the_top_level_is_the_token(
    resource: str, wrap: Any, key: str, jsonata: bool
) -> None:
    sent = {key: EXPRESSION} if jsonata else {f"{key}.$": TOKEN}
    literal = {key: TOKEN}
    nested = {"meta": sent}

    assert reasons(resource, wrap({"orderId": 1} | sent), jsonata=jsonata) == []
    assert "sends the text" in reasons(resource, wrap(literal), jsonata=jsonata)[0]
    assert "not where intake reads it" in reasons(resource, wrap(nested), jsonata=jsonata)[0]


@pytest.mark.parametrize(
    "body",
    [
        {"token.$": TOKEN, "taskToken.$": TOKEN},
        {"token": "tok_visa", "task_token.$": TOKEN},
        {"TaskToken.$": "$$['Task']['Token']"},
        {"taskToken.$": "States.Format('{}', $$.Task.Token)"},
        {"taskToken.$": TOKEN, "context.$": "$$"},
    ],
    ids=repr,
)
def test_a_payments_token_and_other_forms_of_the_path_are_no_problem(body: Body) -> None:
    assert reasons(SQS, {"QueueUrl": "q", "MessageBody": body}) == []


@pytest.mark.parametrize(
    "payload",
    [
        {"MessageBody.$": 'States.Format(\'\\{"taskToken":"{}"\\}\', $$.Task.Token)'},
        {"MessageBody": "x", "MessageAttributes": {"taskToken": {"StringValue.$": TOKEN}}},
        {"MessageBody.$": "States.JsonMerge($, States.StringToJson($$.Task.Token), false)"},
    ],
    ids=repr,
)
def test_a_computed_body_and_an_attribute_can_carry_the_token(payload: Body) -> None:
    assert reasons(SQS, {"QueueUrl": "q"} | payload) == []


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ({"MessageBody": {"token.$": TOKEN, "taskToken": "fixed"}}, "not where intake reads it"),
        ({"MessageBody": {"taskToken": TOKEN, "TaskToken.$": TOKEN}}, "not where intake reads it"),
        ({"MessageBody": {"id.$": TOKEN}}, "not where intake reads it"),
        ({"MessageBody.$": TOKEN}, "not where intake reads it"),
        ({"MessageBody.$": "$$"}, "not where intake reads it"),
        ({"MessageBody.$": "$"}, "no task token"),
        ({"MessageBody": f'{{"taskToken": "{TOKEN}"}}'}, "sends the text"),
        ({"MessageBody": {"taskToken": EXPRESSION}}, "the state uses JSONPath"),
        ({"MessageBody": {"taskToken.$": "$$.Execution.Id"}}, "no task token"),
        ({"MessageBody": "x", "MessageAttributes": {"id": {"StringValue.$": TOKEN}}}, "intake"),
    ],
    ids=repr,
)
def test_what_intake_would_not_find_is_reported_with_the_reason(payload: Body, why: str) -> None:
    [reason] = reasons(SQS, {"QueueUrl": "q"} | payload)

    assert why in reason


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"taskToken.$": TOKEN}, "the state uses JSONata"),
        ({"taskToken": "$states.context.Task.Token"}, "the state uses JSONata"),
        ({"taskToken": "{% $$.Task.Token %}"}, "the state uses JSONata"),
        ("{% {'id': $states.context.Task.Token} %}", "not where intake reads it"),
        (EXPRESSION, "not where intake reads it"),
        ("{% $string({'TaskToken' : $states.context.Task.Token}) %}", ""),
        ("{% $merge([$states.input, {'task_token': $states.context.Task.Token}]) %}", ""),
    ],
    ids=repr,
)
def test_jsonata_is_judged_by_its_expressions(body: Any, why: str) -> None:
    found = reasons(SQS, {"QueueUrl": "q", "MessageBody": body}, jsonata=True)

    assert found == [] if not why else why in found[0]


@pytest.mark.parametrize(
    ("resource", "payload"),
    [
        ("lambda:invoke", {"Payload": {"meta": {"callback.$": TOKEN}}}),
        ("lambda:invoke", {"Payload.$": "$$"}),
        ("apigateway:invoke", {"Headers": {"X-Token.$": "States.Array($$.Task.Token)"}}),
        ("http:invoke", {"RequestBody": {"id.$": TOKEN}}),
        ("ecs:runTask", {"Overrides": [{"Name": "TOKEN", "Value.$": TOKEN}]}),
        ("states:startExecution", {"Input": {"parent.$": "$$.Task"}}),
        ("sns:publish", {"Message.$": "States.Format('https://a.b/?t={}', $$.Task.Token)"}),
    ],
)
def test_code_of_ones_own_and_a_link_to_people_take_the_token_anywhere(
    resource: str, payload: Body
) -> None:
    assert reasons(resource, payload) == []


def test_without_any_token_a_lambda_is_found_too() -> None:
    assert reasons("lambda:invoke", {"Payload.$": "$"}) != []
    assert "sends the text" in reasons("lambda:invoke", {"Payload": {"t": TOKEN}})[0]


def test_a_payload_in_the_field_of_the_other_language_is_no_payload() -> None:
    body = {"QueueUrl": "q", "MessageBody": {"taskToken": EXPRESSION}}

    [reason] = reasons(SQS, body, jsonata=True, QueryLanguage="JSONPath")

    assert "a field that a state in JSONPath does not have" in reason


@pytest.mark.parametrize("name", ["miss01-TaskToken", "live-TaskToken", "live-whole"])
def test_the_forms_that_intake_reads_have_no_finding(name: str) -> None:
    found = lint(read_definition(HERE / "cases" / f"{name}.asl.json"))

    assert "callback-token-missing" not in {one.rule.id for one in found}


def test_a_literal_path_is_exactly_one_finding() -> None:
    [found] = lint(read_definition(HERE / "cases/miss02-literal-path.asl.json"))

    assert (found.rule.id, found.violation.pointer) == ("callback-token-missing", "/States/A")
