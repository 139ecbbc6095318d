"""Workflows that start workflows, and the conditional writes of DynamoDB they guard them with."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.local.aws.workflows import (
    Clients,
    MakeWorkflow,
    Workflow,
    review,
)

OPTIMIZED = "arn:aws:states:::states:startExecution"
SDK = "arn:aws:states:::aws-sdk:sfn:startExecution"
TAKEN = {
    OPTIMIZED: "StepFunctions.ExecutionAlreadyExistsException",
    SDK: "Sfn.ExecutionAlreadyExistsException",
}


@pytest.fixture
def child(workflow: MakeWorkflow) -> Workflow:
    """A workflow whose executions wait."""
    return workflow({"Review": review()})


def starter(workflow: MakeWorkflow, child: Workflow, resource: str, **more: Any) -> Workflow:
    """A workflow that starts `child` under the name in its input, with the order as its input."""
    parameters = {
        "StateMachineArn": child.arn,
        "Name.$": "$.name",
        "Input.$": "$.order" if resource == OPTIMIZED else "States.JsonToString($.order)",
    }
    start = {"Type": "Task", "Resource": resource, "Parameters": parameters, **more}
    caught = {"Type": "Pass", "Result": "taken", "End": True}
    if "Catch" in more:
        return workflow(
            {"Start": {**start, "Next": "Fine"}, "Fine": {"Type": "Succeed"}, "Caught": caught}
        )
    return workflow({"Start": {**start, "End": True}})


def order(name: str, **more: Any) -> str:
    """The input of such a workflow."""
    return json.dumps({"name": name, "order": {"order_id": name, **more}})


@pytest.mark.parametrize("resource", [OPTIMIZED, SDK])
def test_a_task_starts_an_execution_and_does_not_wait_for_it(
    workflow: MakeWorkflow, child: Workflow, clients: Clients, resource: str
) -> None:
    """Request Response: developer guide, "Start Step Functions workflow executions from a Task state"."""
    flow = starter(workflow, child, resource)

    end = flow.end(flow.start(input=order("order-7")))

    started = json.loads(end["output"])
    described = clients("stepfunctions").describe_execution(executionArn=started["ExecutionArn"])
    assert started["ExecutionArn"] == child.arn.replace("stateMachine", "execution") + ":order-7"
    assert (described["name"], described["status"]) == ("order-7", "RUNNING")
    assert json.loads(described["input"]) == {"order_id": "order-7"}
    assert isinstance(started["StartDate"], str)


@pytest.mark.parametrize("resource", [OPTIMIZED, SDK])
def test_the_same_name_and_input_again_is_the_same_execution(
    workflow: MakeWorkflow, child: Workflow, resource: str
) -> None:
    """API reference, StartExecution: idempotent for STANDARD workflows while it runs."""
    flow = starter(workflow, child, resource)

    first, second = (flow.end(flow.start(input=order("order-7"))) for _ in range(2))

    assert json.loads(first["output"]) == json.loads(second["output"])


@pytest.mark.parametrize("resource", [OPTIMIZED, SDK])
def test_a_taken_name_is_an_error_that_a_workflow_catches(
    workflow: MakeWorkflow, child: Workflow, resource: str
) -> None:
    """The names as workflows in production catch them: StepFunctions.* optimized, Sfn.* by SDK."""
    catch = [{"ErrorEquals": [TAKEN[resource]], "Next": "Caught"}]
    flow = starter(workflow, child, resource, Catch=catch)
    flow.end(flow.start(input=order("order-7")))

    end = flow.end(flow.start(input=order("order-7", total=9)))

    assert end["output"] == '"taken"'


@pytest.mark.parametrize("resource", [OPTIMIZED, SDK])
def test_an_input_that_is_no_text_is_written_as_json(
    workflow: MakeWorkflow, child: Workflow, clients: Clients, resource: str
) -> None:
    """Developer guide, "Start executions": Input may be an object with the order and a parent's id."""
    parameters = {
        "StateMachineArn": child.arn,
        "Name": f"n-{uuid.uuid4()}",
        "Input": {
            "order_id.$": "$.id",
            "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": "$$.Execution.Id",
        },
    }
    start = {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}
    flow = workflow({"Start": start})
    arn = flow.start(input='{"id": 7}')

    started = json.loads(flow.end(arn)["output"])["ExecutionArn"]

    described = clients("stepfunctions").describe_execution(executionArn=started)
    assert json.loads(described["input"]) == {
        "order_id": 7,
        "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": arn,
    }


def test_a_workflow_that_waits_for_its_child_gets_its_output_as_json(
    workflow: MakeWorkflow,
) -> None:
    """Developer guide, optimized integrations: `.sync:2` gives the child's output as JSON."""
    child = workflow({"Pass": {"Type": "Pass", "Result": {"shipped": True}, "End": True}})
    flow = starter(workflow, child, f"{OPTIMIZED}.sync:2")

    end = json.loads(flow.end(flow.start(input=order("order-7")))["output"])

    assert (end["Status"], end["Output"]) == ("SUCCEEDED", {"shipped": True})


@pytest.mark.parametrize("action", ["putItem", "updateItem"])
def test_a_failed_condition_of_dynamodb_is_caught_by_its_name(
    workflow: MakeWorkflow, clients: Clients, action: str
) -> None:
    """Developer guide, "Perform DynamoDB CRUD"; the error's name is DynamoDB's own with its prefix."""
    table = f"t-{uuid.uuid4()}"
    clients("dynamodb").create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    writes: dict[str, dict[str, Any]] = {
        "putItem": {"Item": {"id": {"S": "order-7"}}},
        "updateItem": {"Key": {"id": {"S": "order-7"}}, "UpdateExpression": "SET seen = :one"},
    }
    values = {":one": {"N": "1"}} if action == "updateItem" else None
    flow = workflow(
        {
            "Write": {
                "Type": "Task",
                "Resource": f"arn:aws:states:::dynamodb:{action}",
                "Parameters": {
                    "TableName": table,
                    "ConditionExpression": "attribute_not_exists(id)",
                    **writes[action],
                    **({"ExpressionAttributeValues": values} if values else {}),
                },
                "Catch": [
                    {
                        "ErrorEquals": ["DynamoDB.ConditionalCheckFailedException"],
                        "ResultPath": "$.error",
                        "Next": "There",
                    }
                ],
                "Next": "New",
            },
            "New": {"Type": "Pass", "Result": "new", "End": True},
            "There": {"Type": "Pass", "Result": "there", "End": True},
        }
    )

    assert [flow.end(flow.start())["output"] for _ in range(2)] == ['"new"', '"there"']
