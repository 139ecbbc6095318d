"""Which state reads what an earlier one has replaced: through the rules that ask for it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.linting.definitions import PUT, Body, definition, findings, workflow

CALL = "arn:aws:states:::lambda:invoke"
QUERY = "arn:aws:states:::dynamodb:getItem"
DATA_RULES = {"integration-overwrites-input", "parallel-overwrites-input", "catch-loses-input"}


def lost(**states: Body) -> list[tuple[str, str]]:
    """The findings of the three rules in a workflow of these states."""
    return [one for one in findings(definition(workflow(**states))) if one[0] in DATA_RULES]


def write(**fields: Any) -> Body:
    """A write to DynamoDB whose response replaces the input."""
    return {"Type": "Task", "Resource": PUT, "Parameters": {"TableName": "t"}} | fields


def call(payload: Body, **fields: Any) -> Body:
    return {"Type": "Task", "Resource": CALL, "Parameters": payload, "End": True} | fields


def passing(**fields: Any) -> Body:
    return {"Type": "Pass"} | fields


def waits_at(path: str) -> Body:
    return {"Type": "Wait", "SecondsPath": path, "Next": "Done"}


LOST = [("integration-overwrites-input", "/States/Put")]


@pytest.mark.parametrize(
    ("follower", "found"),
    [
        (call({"Payload.$": "$.order"}), LOST),
        (call({"Payload.$": "$"}), LOST),
        (call({"Payload": {"deep": [{"id.$": "States.Format('{}', $.id)"}]}}), LOST),
        (call({"Payload.$": "$['order-id']"}), LOST),
        ({"Type": "Task", "Resource": "arn:aws:lambda:::function:f", "End": True}, LOST),
        (waits_at("$.seconds"), LOST),
        (passing(InputPath="$.order", End=True), LOST),
        ({"Type": "Map", "ItemsPath": "$.items", "End": True}, LOST),
        ({"Type": "Map", "End": True}, LOST),
        ({"Type": "Fail", "ErrorPath": "$.reason"}, LOST),
        (call({"Payload.$": "$.Attributes"}), []),
        (call({"Payload": {"a.$": "$.SdkHttpMetadata", "text": "$.order"}}), []),
        (call({"Payload.$": "$$.Execution.Input.order"}), []),
        (call({"Payload.$": "$order.id"}), []),
        (call({"Payload": {"fixed": True}}), []),
        (waits_at("$$.Execution.Input.seconds"), []),
        (passing(End=True), []),
        (passing(Result={"id.$": "$.x"}, End=True), []),
        ({"Type": "Succeed"}, []),
        ({"Type": "Fail", "Error": "E"}, []),
    ],
    ids=repr,
)
def test_a_write_is_wrong_only_where_the_next_state_reads_what_is_gone(
    follower: Body, found: list[tuple[str, str]]
) -> None:
    assert lost(Put=write(Next="After"), After=follower) == found


@pytest.mark.parametrize(
    "between",
    [
        passing(Next="After"),
        passing(Result=1, ResultPath="$.one", Next="After"),
        {"Type": "Wait", "Seconds": 1, "Next": "After"},
        {
            "Type": "Choice",
            "Choices": [{"Variable": "$.Attributes", "IsPresent": True, "Next": "After"}],
            "Default": "After",
        },
        write(ResultPath=None, Next="After"),
        write(ResultPath="$.put", Next="After"),
    ],
    ids=repr,
)
def test_what_passes_the_data_on_is_looked_through(between: Body) -> None:
    reader = call({"Payload.$": "$.order"})

    assert lost(Put=write(Next="Between"), Between=between, After=reader) == LOST


@pytest.mark.parametrize(
    "between",
    [
        passing(Result={"order": 1}, Next="After"),
        passing(Parameters={"order": 1}, Next="After"),
        passing(Result=1, ResultPath="$.order", Next="After"),
        call({"Payload": 1}, Next="After", End=False),
        passing(OutputPath="$.Attributes", Next="After"),
    ],
    ids=repr,
)
def test_what_writes_the_field_again_ends_the_search(between: Body) -> None:
    reader = call({"Payload.$": "$.order"})

    assert lost(Put=write(Next="Between"), Between=between, After=reader) == []


def test_a_field_of_which_a_choice_asks_whether_it_is_there_is_not_missed() -> None:
    rules = [
        {"Variable": "$.order", "IsPresent": True},
        {"Variable": "$.order", "StringEquals": "a"},
    ]
    choice = {"Type": "Choice", "Choices": [{"And": rules, "Next": "Done"}], "Default": "Done"}

    assert lost(Put=write(Next="After"), After=choice) == []


def test_a_result_selector_says_what_the_result_has() -> None:
    selected = write(ResultSelector={"order.$": "$.Attributes.order"}, Next="After")

    assert lost(Put=selected, After=call({"Payload.$": "$.order"})) == []
    assert lost(Put=selected, After=call({"Payload.$": "$.id"})) == LOST


def branches(**fields: Any) -> Body:
    one = {"StartAt": "In", "States": {"In": {"Type": "Pass", "End": True}}}
    return {"Type": "Parallel", "Branches": [one], "Next": "After"} | fields


@pytest.mark.parametrize(
    ("follower", "found"),
    [
        (call({"Payload.$": "$.order"}), True),
        (call({"Payload.$": "$"}), True),
        (call({"Payload.$": "$[0].order"}), False),
        (call({"Payload.$": "$[*].order"}), False),
        (
            {"Type": "Task", "Resource": "arn:aws:lambda:::function:merge-results", "End": True},
            False,
        ),
        ({"Type": "Task", "Resource": "arn:aws:lambda:::function:ship", "End": True}, True),
        ({"Type": "Map", "End": True}, False),
        (call({"Payload": {"a": 1}}), False),
    ],
    ids=repr,
)
def test_a_list_of_results_is_wrong_where_a_field_of_the_order_is_read(
    follower: Body, found: bool
) -> None:
    wanted = [("parallel-overwrites-input", "/States/Both")] if found else []

    assert lost(Both=branches(), After=follower) == wanted


def test_a_parallel_that_reads_in_its_branches_is_a_reader() -> None:
    inner = {"StartAt": "In", "States": {"In": call({"Payload.$": "$.order"})}}

    assert lost(Put=write(Next="After"), After=branches(Branches=[inner], Next="Done")) == LOST


@pytest.mark.parametrize(
    ("target", "found"),
    [
        (call({"Payload.$": "$.order"}), True),
        (call({"Payload": {"e.$": "$.Error", "c.$": "$.Cause"}}), False),
        ({"Type": "Task", "Resource": "arn:aws:lambda:::function:refund", "End": True}, True),
        ({"Type": "Task", "Resource": "arn:aws:lambda:::function:HandleError", "End": True}, False),
        (passing(Parameters={"error.$": "$"}, End=True), False),
        ({"Type": "Succeed"}, False),
    ],
    ids=repr,
)
def test_an_error_is_wrong_where_more_than_the_error_is_read(target: Body, found: bool) -> None:
    read: Body = {
        "Type": "Task",
        "Resource": QUERY,
        "Parameters": {"TableName": "t"},
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "After"}],
        "End": True,
    }

    wanted = [("catch-loses-input", "/States/Read/Catch/0")] if found else []
    assert lost(Read=read, After=target) == wanted


def test_a_catch_that_keeps_the_input_passes_it_on() -> None:
    retried = write(
        ResultPath=None,
        Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "After"}],
        Next="Done",
    )

    assert lost(Put=write(Next="Again"), Again=retried, After=call({"Payload.$": "$.id"})) == LOST


def test_a_loop_of_states_that_read_nothing_ends() -> None:
    again = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.MessageId", "IsNull": True, "Next": "Put"}],
        "Default": "Rest",
    }
    rest = {"Type": "Wait", "Seconds": 1, "Next": "Again"}
    queue = "arn:aws:states:::sqs:sendMessage"

    assert lost(Put=write(Resource=queue, Next="Again"), Again=again, Rest=rest) == []


def test_a_state_in_jsonata_reads_its_input_by_name() -> None:
    reader: Body = {
        "Type": "Task",
        "QueryLanguage": "JSONata",
        "Resource": CALL,
        "Arguments": {"Payload": "{% $states.input.order %}"},
        "End": True,
    }

    assert lost(Put=write(Next="After"), After=reader) == LOST
    reader["Arguments"] = {"Payload": "{% $states.context.Execution.Input.order %}"}
    assert lost(Put=write(Next="After"), After=reader) == []
