"""Workflows with a distributed Map for tests, and what the account says about their Map Runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tests.local.aws.workflows import PASS, Clients, Workflow

FAIL_TWO: dict[str, Any] = {
    "Which": {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "Broken"}],
        "Default": "Pass",
    },
    "Broken": {"Type": "Fail", "Error": "BadOrder", "Cause": "no total"},
    "Pass": PASS,
}
EXCEEDED = "States.ExceedToleratedFailureThreshold"


def distributed(
    states: dict[str, Any] | None = None, kind: str = "EXPRESS", **more: Any
) -> dict[str, Any]:
    """The states of a workflow with one distributed Map, whose children have `states`."""
    inner = states or {"Pass": PASS}
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind},
        "StartAt": next(iter(inner)),
        "States": inner,
    }
    ending = {} if "Next" in more else {"End": True}
    return {"Orders": {"Type": "Map", "ItemProcessor": processor, **ending, **more}}


def run(flow: Workflow, given: dict[str, Any] | Iterable[Any] = (1, 2, 3)) -> dict[str, Any]:
    """Run an execution with this input to its end; returns the response of DescribeExecution."""
    value = given if isinstance(given, dict) else list(given)
    return flow.end(flow.start(input=json.dumps(value)))


def map_run(clients: Clients, execution_arn: str) -> dict[str, Any]:
    """The response of DescribeMapRun for the only Map Run of an execution."""
    (described,) = map_runs(clients, execution_arn)
    return described


def map_runs(clients: Clients, execution_arn: str) -> list[dict[str, Any]]:
    """The responses of DescribeMapRun for all Map Runs of an execution."""
    sfn = clients("stepfunctions")
    listed = sfn.list_map_runs(executionArn=execution_arn)["mapRuns"]
    return [sfn.describe_map_run(mapRunArn=each["mapRunArn"]) for each in listed]


def writing(bucket: str, **more: Any) -> dict[str, Any]:
    """A ResultWriter to this bucket."""
    writer = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": bucket, "Prefix": "results"},
        **more,
    }
    return {"ResultWriter": writer}


def reading(bucket: str, key: str, kind: str = "JSONL", **config: Any) -> dict[str, Any]:
    """An ItemReader of this object."""
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": kind, **config},
        "Parameters": {"Bucket": bucket, "Key": key},
    }
    return {"ItemReader": reader}
