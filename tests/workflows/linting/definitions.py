"""The definitions that the linter's tests read: ours, the textbook's, and small ones of a test's own."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from approvals.workflows.asl.model import Definition
from approvals.workflows.asl.parser import parse_definition
from approvals.workflows.linting.linter import lint
from approvals.workflows.linting.rule import QueueSettings
from tests.paths import ROOT

HERE = Path(__file__).parent
OURS = ROOT / "approvals/orchestration/definitions"
ORDERS = OURS / "order_fulfillment.asl.json"
TEXTBOOK = HERE / "textbook.asl.json"
ASK = "/States/Ask"
PUT = "arn:aws:states:::dynamodb:putItem"
THROTTLES = [
    *("Lambda.ServiceException", "Lambda.AWSLambdaException"),
    *("Lambda.SdkClientException", "Lambda.TooManyRequestsException"),
]
Body = dict[str, Any]
_ORDERS = json.loads(ORDERS.read_text())


def definition(body: Body, *, express: bool = False) -> Definition:
    """A definition as if this had stood in a file."""
    found = parse_definition(json.dumps(body), "small.asl.json")
    found.express = express
    return found


def findings(one: Definition, queue: QueueSettings | None = None) -> list[tuple[str, str]]:
    """Rule and place of each finding."""
    return [(found.rule.id, found.violation.pointer) for found in lint(one, queue)]


def orders(change: Callable[[Body], object]) -> Definition:
    """Our definition with one change: the function is given its states and may write to them."""
    body = copy.deepcopy(_ORDERS)
    change(body["States"])
    return definition(body)


def waits(**fields: Any) -> Body:
    """A review without any fault, and what a test changes in it."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "TimeoutSeconds": 3_600,
        "Parameters": {
            "QueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/review",
            "MessageBody": {
                "taskToken.$": "$$.Task.Token",
                "executionArn.$": "$$.Execution.Id",
                "stateMachineArn.$": "$$.StateMachine.Id",
                "stateName.$": "$$.State.Name",
                "enteredTime.$": "$$.State.EnteredTime",
                "retryCount.$": "$$.State.RetryCount",
                "redriveCount.$": "$$.Execution.RedriveCount",
                "timeoutSeconds": fields.get("TimeoutSeconds", 3_600),
                "input.$": "$",
            },
        },
        "ResultPath": "$.review",
        "Catch": [
            {
                "ErrorEquals": ["ReviewRejected", "States.Timeout"],
                "ResultPath": "$.review_error",
                "Next": "Over",
            }
        ],
        "Next": "Done",
    } | fields


ENDS: Body = {"Done": {"Type": "Succeed"}, "Over": {"Type": "Fail", "Error": "TurnedDown"}}


def workflow(**states: Body) -> Body:
    """A machine that starts at its first state, with the ends `Done` and `Over` where one leads there."""
    written = json.dumps(states)
    ends = {name: end for name, end in ENDS.items() if f'": "{name}"' in written}
    return {"StartAt": next(iter(states)), "TimeoutSeconds": 86_400, "States": states | ends}


def function(**fields: Any) -> Body:
    """A Lambda without any fault."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:lambda:us-east-1:123456789012:function:weigh",
        "TimeoutSeconds": 30,
        "ResultPath": "$.weight",
        "Retry": [{"ErrorEquals": THROTTLES}],
        "Next": "Done",
    } | fields


def a_map(
    width: int | None, mode: str = "DISTRIBUTED", kind: str = "EXPRESS", **inside: Body
) -> Body:
    """A Map of this MaxConcurrency, with these states or one that does nothing."""
    config = {"Mode": mode} | ({"ExecutionType": kind} if mode == "DISTRIBUTED" else {})
    states = inside or {"One": {"Type": "Pass", "End": True}}
    processor = {"ProcessorConfig": config, "StartAt": next(iter(states)), "States": states}
    found = {"Type": "Map", "ItemProcessor": processor, "ResultPath": "$.run", "Next": "Done"}
    return found | ({} if width is None else {"MaxConcurrency": width})


def in_jsonata(**fields: Any) -> Body:
    """The review of `waits` in JSONata."""
    message = {
        name.removesuffix(".$"): "{% $states.context." + path.removeprefix("$$.") + " %}"
        if isinstance(path, str)
        else path
        for name, path in waits()["Parameters"]["MessageBody"].items()
        if path != "$"
    }
    return {
        "Type": "Task",
        "Resource": waits()["Resource"],
        "TimeoutSeconds": 3_600,
        "Arguments": {"QueueUrl": "https://sqs.example/review", "MessageBody": message},
        "Output": "{% $merge([$states.input, {'review': $states.result}]) %}",
        "Catch": [
            {
                "ErrorEquals": ["ReviewRejected", "States.Timeout"],
                "Output": "{% $states.input %}",
                "Next": "Over",
            }
        ],
        "Next": "Done",
    } | fields
