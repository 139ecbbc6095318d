"""An attempt that waits: its result, and how an abort ends it."""

from __future__ import annotations

import json

from tests.local.aws.workflows import (
    Clients,
    MakeWorkflow,
    review,
)


def test_result_path_and_selector_apply_to_an_answer(workflow: MakeWorkflow) -> None:
    flow = workflow(
        {"Review": review(ResultSelector={"ok.$": "$.approved"}, ResultPath="$.review")}
    )
    arn = flow.start(input='{"order_id": 7}')

    flow.succeed(flow.token(), '{"approved": true, "more": 1}')

    assert json.loads(flow.end(arn)["output"]) == {"order_id": 7, "review": {"ok": True}}


def test_stopping_an_execution_aborts_it_at_once_and_closes_its_token(
    workflow: MakeWorkflow, clients: Clients
) -> None:
    flow = workflow({"Review": review()})
    arn, token = flow.waiting()
    clients("stepfunctions").stop_execution(executionArn=arn, error="Cancelled", cause="by hand")

    described = clients("stepfunctions").describe_execution(executionArn=arn)

    assert described["status"] == "ABORTED"
    assert (described["error"], described["cause"]) == ("Cancelled", "by hand")
    assert flow.succeed(token) == "TaskTimedOut"
    kinds = [event["type"] for event in flow.events(arn)]
    assert kinds[-3:] == ["TaskSubmitted", "TaskStateAborted", "ExecutionAborted"]


def test_the_failure_of_a_sibling_branch_closes_the_token(workflow: MakeWorkflow) -> None:
    branches = [
        {"StartAt": "Review", "States": {"Review": review()}},
        {
            "StartAt": "Pause",
            "States": {
                "Pause": {"Type": "Wait", "Seconds": 1, "Next": "Break"},
                "Break": {"Type": "Fail", "Error": "Broken"},
            },
        },
    ]
    flow = workflow({"Both": {"Type": "Parallel", "Branches": branches, "End": True}})
    arn, token = flow.waiting()

    assert flow.end(arn)["error"] == "Broken"
    assert flow.succeed(token) == "TaskTimedOut"
    assert "TaskStateAborted" in [event["type"] for event in flow.events(arn)]
