"""RedriveExecution: API reference, and the developer guide's page on it.

"Restarting state machine executions with redrive". What fails once and then works is a write to a
table that is created in between.
"""

from __future__ import annotations

import json

import pytest

from tests.local.aws.resources import Table
from tests.local.aws.workflows import (
    DONE,
    Clients,
    MakeWorkflow,
    refusal,
    review,
)


def test_a_redriven_execution_goes_on_from_the_failed_state(
    workflow: MakeWorkflow, table: Table
) -> None:
    first = {"Type": "Pass", "Result": {"kept": True}, "ResultPath": "$.first", "Next": "Write"}
    flow = workflow({"First": first, "Write": table.write()})
    arn = flow.start(input='{"order_id": 7}')
    assert flow.end(arn)["status"] == "FAILED"
    table.create()

    flow.redrive(arn)

    end = flow.end(arn)
    assert end["status"] == "SUCCEEDED"
    assert json.loads(end["output"]) == {"order_id": 7, "first": {"kept": True}}
    assert flow.entered(arn) == ["First", "Write", "Write"]
    assert "error" not in end


def test_the_history_goes_on_behind_the_redriven_event(
    workflow: MakeWorkflow, table: Table
) -> None:
    flow = workflow({"Write": table.write()})
    arn = flow.start()
    flow.end(arn)
    table.create()

    flow.redrive(arn)
    flow.end(arn)

    events = flow.events(arn)
    kinds = [event["type"] for event in events]
    redriven = events[kinds.index("ExecutionRedriven")]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert kinds.index("ExecutionFailed") + 1 == kinds.index("ExecutionRedriven")
    assert redriven["executionRedrivenEventDetails"] == {"redriveCount": 1}
    assert kinds[-1] == "ExecutionSucceeded"


def test_a_description_counts_the_redrives(
    workflow: MakeWorkflow, clients: Clients, table: Table
) -> None:
    sfn = clients("stepfunctions")
    flow = workflow({"Write": table.write()})
    arn = flow.start()
    before = flow.end(arn)
    answer = sfn.redrive_execution(executionArn=arn)
    after = flow.end(arn)

    assert (before["redriveCount"], before["redriveStatus"]) == (0, "REDRIVABLE")
    assert "redriveDate" not in before
    assert (after["redriveCount"], after["redriveDate"]) == (1, answer["redriveDate"])
    (listed,) = sfn.list_executions(stateMachineArn=flow.arn)["executions"]
    assert listed["redriveCount"] == 1


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED"])
def test_what_runs_or_succeeded_is_not_redrivable(workflow: MakeWorkflow, status: str) -> None:
    flow = workflow({"Review": review()} if status == "RUNNING" else {"Done": DONE})
    arn = flow.start()
    if status == "SUCCEEDED":
        flow.end(arn)

    assert refusal(flow.redrive, arn=arn) == "ExecutionNotRedrivable"

    described = flow.description(arn)
    assert described["redriveStatus"] == "NOT_REDRIVABLE"
    assert described["redriveStatusReason"] == f"Execution is {status} and cannot be redriven"


def test_a_client_token_redrives_once(
    workflow: MakeWorkflow, clients: Clients, table: Table
) -> None:
    flow = workflow({"Write": table.write()})
    arn = flow.start()
    flow.end(arn)
    table.create()
    redrive = clients("stepfunctions").redrive_execution

    dates = {redrive(executionArn=arn, clientToken="order-7")["redriveDate"] for _ in range(2)}

    assert len(dates) == 1
    assert flow.end(arn)["redriveCount"] == 1


def test_the_context_tells_of_the_redrive_and_the_token_is_new(
    workflow: MakeWorkflow, clients: Clients
) -> None:
    flow = workflow({"Review": review()})
    arn, token = flow.waiting()
    clients("stepfunctions").stop_execution(executionArn=arn, error="Stopped", cause="by hand")
    stopped = flow.end(arn)

    flow.redrive(arn)

    again = flow.message()
    assert (stopped["status"], stopped["error"], stopped["cause"]) == (
        "ABORTED",
        "Stopped",
        "by hand",
    )
    assert (again["redriveCount"], again["executionArn"]) == (1, arn)
    assert again["taskToken"] != token
    assert flow.beat(token) == "TaskTimedOut"
    assert flow.succeed(again["taskToken"]) == "ok"
    assert flow.end(arn)["status"] == "SUCCEEDED"


def test_a_timed_out_execution_gets_its_whole_time_again(workflow: MakeWorkflow) -> None:
    flow = workflow({"Review": review()}, TimeoutSeconds=2)
    arn, _ = flow.waiting()
    assert flow.end(arn)["status"] == "TIMED_OUT"

    flow.redrive(arn)
    flow.succeed(flow.token())

    assert flow.end(arn)["status"] == "SUCCEEDED"


def test_a_fail_state_is_entered_again_and_fails_again(workflow: MakeWorkflow) -> None:
    refused = {"Type": "Fail", "Error": "OrderRejected", "Cause": "no stock"}
    flow = workflow({"First": {"Type": "Pass", "Next": "Refused"}, "Refused": refused})
    arn = flow.start()
    flow.end(arn)

    for _ in range(2):
        flow.redrive(arn)
        end = flow.end(arn)

    assert (end["status"], end["error"], end["redriveCount"]) == ("FAILED", "OrderRejected", 2)
    assert flow.entered(arn) == ["First", "Refused", "Refused", "Refused"]


def test_the_redrive_time_is_in_the_context_once_there_was_a_redrive(
    workflow: MakeWorkflow,
) -> None:
    """Developer guide, "Context object": RedriveTime is only available in a redriven execution."""
    shown = {"at.$": "$$.Execution.RedriveTime"}
    flow = workflow({"Show": {"Type": "Pass", "Parameters": shown, "End": True}})
    arn = flow.start()
    assert flow.end(arn)["error"] == "States.Runtime"

    flow.redrive(arn)

    assert json.loads(flow.end(arn)["output"])["at"].endswith("Z")


def test_a_redrive_keeps_the_definition_of_its_execution(
    workflow: MakeWorkflow, clients: Clients, table: Table
) -> None:
    flow = workflow({"Write": table.write()})
    arn = flow.start()
    flow.end(arn)
    changed = {"StartAt": "Other", "States": {"Other": {"Type": "Fail"}}}
    sfn = clients("stepfunctions")
    sfn.update_state_machine(stateMachineArn=flow.arn, definition=json.dumps(changed))
    table.create()

    sfn.redrive_execution(executionArn=arn)

    assert flow.end(arn)["status"] == "SUCCEEDED"
