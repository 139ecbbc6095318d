"""Distributed Maps: children, tolerated failures, Map Runs, and how they end.

Developer guide, "Distributed mode" and "Setting failure thresholds".
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conditions import wait_until
from tests.local.aws.maps import (
    EXCEEDED,
    FAIL_TWO,
    distributed,
    map_run,
    map_runs,
    run,
)
from tests.local.aws.workflows import (
    Clients,
    MakeWorkflow,
    review,
)


@pytest.mark.parametrize("kind", ["EXPRESS", "STANDARD"])
def test_each_item_is_a_child_and_the_outputs_keep_their_order(
    workflow: MakeWorkflow, kind: str
) -> None:
    flow = workflow(distributed(kind=kind))

    assert json.loads(run(flow, range(20))["output"]) == list(range(20))


def test_a_child_is_an_execution_with_its_own_arn_and_context(
    workflow: MakeWorkflow,
) -> None:
    shown = {"id.$": "$$.Execution.Id", "machine.$": "$$.StateMachine.Id", "item.$": "$"}
    child = {"Show": {"Type": "Pass", "Parameters": shown, "End": True}}
    flow = workflow(distributed(child, kind="STANDARD", Label="orders"))

    (seen,) = json.loads(run(flow, ["order-7"])["output"])

    assert seen["machine"] == f"{flow.arn}/orders"
    assert seen["id"].startswith(flow.arn.replace("stateMachine", "execution") + "/orders:")
    described = flow.description(seen["id"])
    assert (described["status"], described["input"]) == ("SUCCEEDED", '"order-7"')
    assert ":mapRun:" in described["mapRunArn"]
    assert flow.events(seen["id"])[0]["type"] == "ExecutionStarted"


@pytest.mark.parametrize(
    ("tolerance", "status"),
    [
        ({}, "FAILED"),
        ({"ToleratedFailureCount": 0}, "FAILED"),
        ({"ToleratedFailureCount": 1}, "SUCCEEDED"),
        ({"ToleratedFailurePercentage": 20}, "FAILED"),
        ({"ToleratedFailurePercentage": 25}, "SUCCEEDED"),
        ({"ToleratedFailureCount": 0, "ToleratedFailurePercentage": 100}, "FAILED"),
        ({"ToleratedFailureCountPath": "$.may_fail"}, "SUCCEEDED"),
    ],
)
def test_more_failed_items_than_tolerated_fail_the_map(
    workflow: MakeWorkflow, tolerance: dict[str, Any], status: str
) -> None:
    flow = workflow(distributed(FAIL_TWO, ItemsPath="$.items", **tolerance))

    end = run(flow, {"items": [1, 2, 3, 4], "may_fail": 1})

    assert (end["status"], end.get("error")) == (status, EXCEEDED if status == "FAILED" else None)


def test_a_retry_of_the_map_is_a_new_map_run_of_all_children(
    workflow: MakeWorkflow, clients: Clients
) -> None:
    """ "Distributed mode": a Retry runs every child again, those that succeeded too."""
    retry = [{"ErrorEquals": [EXCEEDED], "MaxAttempts": 1, "IntervalSeconds": 1}]
    flow = workflow(distributed(FAIL_TWO, Retry=retry))

    end = run(flow, [1, 2])

    counts = [each["itemCounts"] for each in map_runs(clients, end["executionArn"])]
    assert [each["total"] for each in counts] == [2, 2]


def test_no_items_are_no_failure(workflow: MakeWorkflow) -> None:
    assert run(workflow(distributed()), [])["output"] == "[]"


def test_a_failed_branch_beside_it_aborts_the_children(
    workflow: MakeWorkflow, clients: Clients
) -> None:
    broken = {"StartAt": "Ask", "States": {"Ask": review()}}
    orders = {"StartAt": "Orders", "States": distributed({"Review": review()}, kind="STANDARD")}
    both = {"Type": "Parallel", "Branches": [broken, orders], "End": True}
    flow = workflow({"Both": both})
    arn = flow.start(input="[1]")
    messages = {message["stateName"]: message for message in (flow.message(), flow.message())}

    flow.fail(messages["Ask"]["taskToken"], error="ReviewRejected", cause="no")

    assert flow.end(arn)["error"] == "ReviewRejected"
    token = messages["Review"]["taskToken"]
    wait_until(lambda: flow.beat(token) == "TaskTimedOut", what="the end of the child's token")
    wait_until(lambda: map_run(clients, arn)["status"] == "ABORTED", what="the aborted Map Run")


def test_a_missing_path_fails_the_run_with_the_execution(
    workflow: MakeWorkflow, clients: Clients
) -> None:
    flow = workflow(distributed(ItemSelector={"day.$": "$.day"}))

    end = run(flow)

    assert end["error"] == "States.Runtime"
    assert map_run(clients, end["executionArn"])["status"] == "FAILED"


def test_stopping_the_parent_closes_the_tokens_of_its_children(
    workflow: MakeWorkflow, clients: Clients
) -> None:
    flow = workflow(distributed({"Review": review()}, kind="STANDARD"))
    arn = flow.start(input="[1, 2]")
    messages = [flow.message(), flow.message()]

    clients("stepfunctions").stop_execution(executionArn=arn)

    assert flow.end(arn)["status"] == "ABORTED"
    assert {flow.beat(message["taskToken"]) for message in messages} == {"TaskTimedOut"}
    assert {flow.end(message["executionArn"])["status"] for message in messages} == {"ABORTED"}
    assert map_run(clients, arn)["status"] == "ABORTED"
