"""Rules on Task states."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.linting.definitions import (
    PUT,
    Body,
    a_map,
    definition,
    findings,
    function,
    waits,
    workflow,
)


def test_a_number_for_dynamodb_is_text() -> None:
    def put(number: Body) -> list[tuple[str, str]]:
        parameters = {"TableName": "orders", "Item": {"total": number}}
        row = {"Type": "Task", "Resource": PUT, "Parameters": parameters}
        return findings(definition(workflow(Put=row | {"ResultPath": None, "Next": "Done"})))

    place = "/States/Put/Parameters/Item/total"
    assert put({"N.$": "$.total"}) == [("dynamodb-number", f"{place}/N.$")]
    assert put({"N": 7}) == [
        ("dynamodb-number", f"{place}/N"),
    ]
    assert put({"N.$": "States.Format('{}', $.total)"}) == put({"N": "7"}) == []


@pytest.mark.parametrize(
    ("path", "found"), [("$.weight.grams", 0), ("$.weight['grams']", 0), ("$.weights.grams", 1)]
)
def test_a_path_into_the_result_of_a_state_is_its_authors_affair(path: str, found: int) -> None:
    weigh = function(ResultPath="$.weight", Next="Put")
    parameters = {"TableName": "orders", "Item": {"grams": {"N.$": path}}}
    put = {"Type": "Task", "Resource": PUT, "Parameters": parameters, "Next": "Done"}

    rules = [rule for rule, _ in findings(definition(workflow(Weigh=weigh, Put=put)))]
    assert rules.count("dynamodb-number") == found


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"QueueUrl": "https://sqs.example/1/orders.fifo"}, True),
        ({"QueueUrl": "https://sqs.example/${Account}/${Name}.fifo"}, True),
        ({"QueueUrl": "https://sqs.example/1/orders.fifo", "MessageGroupId": "a"}, False),
        ({"QueueUrl": "https://sqs.example/1/orders.fifo", "MessageGroupId.$": "$.id"}, False),
        ({"QueueUrl": "https://sqs.example/1/orders"}, False),
        ({"QueueUrl.$": "$.queue"}, False),
    ],
)
def test_a_message_to_a_fifo_queue_has_a_group(fields: Body, found: bool) -> None:
    review: dict[str, Any] = waits()
    body = review["Parameters"]["MessageBody"]
    review["Parameters"] = fields | {"MessageBody": body}

    wanted = [("fifo-group-missing", "/States/Ask")] if found else []
    assert findings(definition(workflow(Ask=review))) == wanted


def test_a_function_is_retried_by_the_state_around_it_too() -> None:
    inside = function(End=True)
    del inside["Retry"], inside["Next"]
    around: Body = {
        "Type": "Parallel",
        "Branches": [{"StartAt": "Weigh", "States": {"Weigh": inside}}],
        "ResultPath": "$.weight",
        "Retry": [{"ErrorEquals": ["States.ALL"]}],
        "Next": "Done",
    }

    assert findings(definition(workflow(Around=around))) == []
    del around["Retry"]
    assert findings(definition(workflow(Around=around))) == [
        ("lambda-unretried", "/States/Around/Branches/0/States/Weigh")
    ]


@pytest.mark.parametrize(
    ("resource", "payload"),
    [
        ("lambda:invoke", {"FunctionName": "f", "InvocationType": "Event"}),
        ("lambda:invoke.waitForTaskToken", {"FunctionName": "f", "Payload.$": "$$"}),
    ],
)
def test_a_function_that_the_state_does_not_wait_for_needs_no_timeout(
    resource: str, payload: Body
) -> None:
    call = function(Resource=f"arn:aws:states:::{resource}", Parameters=payload)
    del call["TimeoutSeconds"]

    found = findings(definition(workflow(Weigh=call)))
    assert "lambda-timeout-missing" not in {rule for rule, _ in found}


@pytest.mark.parametrize(
    ("whole", "express", "found"), [(900, False, 0), (901, False, 1), (901, True, 0)]
)
def test_a_function_needs_no_timeout_where_the_execution_ends_sooner(
    whole: int, express: bool, found: int
) -> None:
    call = function()
    del call["TimeoutSeconds"]
    body = workflow(Weigh=call) | {"TimeoutSeconds": whole}

    rules = [rule for rule, _ in findings(definition(body, express=express))]
    assert rules.count("lambda-timeout-missing") == found


@pytest.mark.parametrize(("kind", "count"), [("CSV", 0), ("JSON", 1)])
def test_the_rows_of_a_csv_file_are_texts_and_numbers_for_dynamodb(kind: str, count: int) -> None:
    item = {"Parameters": {"Item": {"views": {"N.$": "$.views"}}}, "Type": "Task", "End": True}
    item |= {"Resource": "arn:aws:states:::dynamodb:putItem", "TimeoutSeconds": 5}
    reader = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": kind}}
    over = a_map(5, Put=item) | {"ItemReader": reader}

    found = findings(definition(workflow(Map=over)))

    assert sum(rule == "dynamodb-number" for rule, _ in found) == count
