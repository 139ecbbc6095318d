"""RedriveExecution of the local account: API reference, and the dev guide's pages on redriving.

"Restarting state machine executions with redrive" (with its table of states) and "Redriving Map
Runs". What fails once and then works is a write to a table that is made in between.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import Clients, review
from tests.local.test_aws_distributed_maps import distributed, map_run

DONE = {"Type": "Pass", "Result": "done", "End": True}


@pytest.fixture
def table(clients: Clients):
    """A table that is not there yet, and the state that writes to it."""

    class Table:
        name = f"t-{uuid.uuid4()}"

        def write(self, **more: Any) -> dict[str, Any]:
            ending = {} if "Next" in more else {"End": True}
            return {
                "Type": "Task",
                "Resource": "arn:aws:states:::dynamodb:putItem",
                "Parameters": {
                    "TableName": self.name,
                    "Item": {"id": {"S.$": "$$.Execution.Name"}},
                },
                "ResultPath": None,
                **ending,
                **more,
            }

        def appear(self) -> None:
            clients("dynamodb").create_table(
                TableName=self.name,
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )

    return Table()


def entered(flow, arn):
    return [
        event["stateEnteredEventDetails"]["name"]
        for event in flow.events(arn)
        if "stateEnteredEventDetails" in event
    ]


def test_a_redriven_execution_goes_on_from_the_failed_state(
    workflow: Any, clients: Clients, table: Any
) -> None:
    first = {"Type": "Pass", "Result": {"kept": True}, "ResultPath": "$.first", "Next": "Write"}
    flow = workflow({"First": first, "Write": table.write()})
    arn = flow.start(input='{"order_id": 7}')
    assert flow.end(arn)["status"] == "FAILED"
    table.appear()

    clients("stepfunctions").redrive_execution(executionArn=arn)

    end = flow.end(arn)
    assert end["status"] == "SUCCEEDED"
    assert json.loads(end["output"]) == {"order_id": 7, "first": {"kept": True}}
    assert entered(flow, arn) == ["First", "Write", "Write"]
    assert "error" not in end


def test_the_history_goes_on_behind_the_redriven_event(
    workflow: Any, clients: Clients, table: Any
) -> None:
    flow = workflow({"Write": table.write()})
    arn = flow.start()
    flow.end(arn)
    table.appear()

    clients("stepfunctions").redrive_execution(executionArn=arn)
    flow.end(arn)

    events = flow.events(arn)
    kinds = [event["type"] for event in events]
    redriven = events[kinds.index("ExecutionRedriven")]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert kinds.index("ExecutionFailed") + 1 == kinds.index("ExecutionRedriven")
    assert redriven["executionRedrivenEventDetails"] == {"redriveCount": 1}
    assert kinds[-1] == "ExecutionSucceeded"


def test_a_description_counts_the_redrives(workflow: Any, clients: Clients, table: Any) -> None:
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
def test_what_runs_or_succeeded_is_not_redrivable(
    workflow: Any, clients: Clients, status: Any
) -> None:
    flow = workflow({"Review": review()} if status == "RUNNING" else {"Done": DONE})
    arn = flow.start()
    if status == "SUCCEEDED":
        flow.end(arn)

    with pytest.raises(ClientError, match="ExecutionNotRedrivable"):
        clients("stepfunctions").redrive_execution(executionArn=arn)

    described = clients("stepfunctions").describe_execution(executionArn=arn)
    assert described["redriveStatus"] == "NOT_REDRIVABLE"
    assert described["redriveStatusReason"] == f"Execution is {status} and cannot be redriven"


def test_a_client_token_redrives_once(workflow: Any, clients: Clients, table: Any) -> None:
    flow = workflow({"Write": table.write()})
    arn = flow.start()
    flow.end(arn)
    table.appear()
    redrive = clients("stepfunctions").redrive_execution

    dates = {redrive(executionArn=arn, clientToken="order-7")["redriveDate"] for _ in range(2)}

    assert len(dates) == 1
    assert flow.end(arn)["redriveCount"] == 1


def test_the_context_tells_of_the_redrive_and_the_token_is_new(
    workflow: Any, clients: Clients
) -> None:
    flow = workflow({"Review": review()})
    arn, token = flow.waiting()
    clients("stepfunctions").stop_execution(executionArn=arn, error="Stopped", cause="by hand")
    stopped = flow.end(arn)

    clients("stepfunctions").redrive_execution(executionArn=arn)

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


def test_a_timed_out_execution_gets_its_whole_time_again(workflow: Any, clients: Clients) -> None:
    flow = workflow({"Review": review()}, TimeoutSeconds=1)
    arn, _ = flow.waiting()
    assert flow.end(arn)["status"] == "TIMED_OUT"

    clients("stepfunctions").redrive_execution(executionArn=arn)
    flow.succeed(flow.token())

    assert flow.end(arn)["status"] == "SUCCEEDED"


def test_a_fail_state_is_entered_again_and_fails_again(workflow: Any, clients: Clients) -> None:
    refused = {"Type": "Fail", "Error": "OrderRejected", "Cause": "no stock"}
    flow = workflow({"First": {"Type": "Pass", "Next": "Refused"}, "Refused": refused})
    arn = flow.start()
    flow.end(arn)

    for _ in range(2):
        clients("stepfunctions").redrive_execution(executionArn=arn)
        end = flow.end(arn)

    assert (end["status"], end["error"], end["redriveCount"]) == ("FAILED", "OrderRejected", 2)
    assert entered(flow, arn) == ["First", "Refused", "Refused", "Refused"]


def test_the_redrive_time_is_in_the_context_once_there_was_a_redrive(
    workflow: Any, clients: Clients
) -> None:
    """Dev guide, "Context object": RedriveTime is only available in a redriven execution."""
    shown = {"at.$": "$$.Execution.RedriveTime"}
    flow = workflow({"Show": {"Type": "Pass", "Parameters": shown, "End": True}})
    arn = flow.start()
    assert flow.end(arn)["error"] == "States.Runtime"

    clients("stepfunctions").redrive_execution(executionArn=arn)

    assert json.loads(flow.end(arn)["output"])["at"].endswith("Z")


def test_a_redrive_keeps_the_definition_of_its_execution(
    workflow: Any, clients: Clients, table: Any
) -> None:
    flow = workflow({"Write": table.write()})
    arn = flow.start()
    flow.end(arn)
    changed = {"StartAt": "Other", "States": {"Other": {"Type": "Fail"}}}
    sfn = clients("stepfunctions")
    sfn.update_state_machine(stateMachineArn=flow.arn, definition=json.dumps(changed))
    table.appear()

    sfn.redrive_execution(executionArn=arn)

    assert flow.end(arn)["status"] == "SUCCEEDED"


def branches(*states):
    return [{"StartAt": next(iter(each)), "States": each} for each in states]


def test_of_a_parallel_only_what_did_not_succeed_runs_again(
    workflow: Any, clients: Clients, table: Any
) -> None:
    """One branch is done, one failed behind its first state, one waits and is aborted."""
    flow = workflow(
        {
            "Both": {
                "Type": "Parallel",
                "Branches": branches(
                    {"Done": DONE},
                    {
                        "Ready": review(Next="Write"),
                        "Write": table.write(Next="Over"),
                        "Over": DONE,
                    },
                    {"Slow": review()},
                ),
                "End": True,
            }
        }
    )
    arn = flow.start()
    messages = {message["stateName"]: message for message in (flow.message(), flow.message())}
    flow.succeed(messages["Ready"]["taskToken"])
    assert flow.end(arn)["status"] == "FAILED"
    table.appear()

    clients("stepfunctions").redrive_execution(executionArn=arn)
    again = flow.message()
    flow.succeed(again["taskToken"], '"seen"')

    assert again["stateName"] == "Slow"
    assert json.loads(flow.end(arn)["output"]) == ["done", "done", "seen"]
    seen = entered(flow, arn)
    assert (seen.count("Done"), seen.count("Ready"), seen.count("Write")) == (1, 1, 2)


def test_of_an_inline_map_only_the_failed_iterations_run_again(
    workflow: Any, clients: Clients, table: Any
) -> None:
    which = {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "Write"}],
        "Default": "Fine",
    }
    each = {"Which": which, "Write": table.write(), "Fine": {"Type": "Pass", "End": True}}
    processor = {"StartAt": "Which", "States": each}
    one_by_one = {"MaxConcurrency": 1, "ItemProcessor": processor}
    flow = workflow({"Each": {"Type": "Map", "End": True, **one_by_one}})
    arn = flow.start(input="[1, 2, 3]")
    flow.end(arn)
    table.appear()

    clients("stepfunctions").redrive_execution(executionArn=arn)

    assert json.loads(flow.end(arn)["output"]) == [1, 2, 3]
    seen = entered(flow, arn)
    assert (seen.count("Which"), seen.count("Write"), seen.count("Fine")) == (3, 2, 2)


def test_a_state_entered_again_in_a_loop_starts_afresh(
    workflow: Any, clients: Clients, table: Any
) -> None:
    """What a Parallel had in an earlier round is not taken for the round that failed."""
    flow = workflow(
        {
            "Round": {
                "Type": "Parallel",
                "Branches": branches({"Ask": review()}),
                "ResultPath": "$.asked",
                "Next": "Again",
            },
            "Again": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.asked[0]", "StringEquals": "more", "Next": "Round"}],
                "Default": "Write",
            },
            "Write": table.write(),
        }
    )
    arn = flow.start()
    flow.succeed(flow.token(), '"more"')
    flow.succeed(flow.token(), '"enough"')
    flow.end(arn)
    table.appear()

    clients("stepfunctions").redrive_execution(executionArn=arn)

    assert json.loads(flow.end(arn)["output"]) == {"asked": ["enough"]}
    assert entered(flow, arn).count("Ask") == 2


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_of_a_distributed_map_only_the_failed_children_run_again(
    workflow: Any, clients: Clients, table: Any, kind: Any
) -> None:
    """Standard children are redriven, EXPRESS ones started anew; the Map Run stays the same."""
    which = {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "Write"}],
        "Default": "Fine",
    }
    child = {"Which": which, "Write": table.write(), "Fine": {"Type": "Pass", "End": True}}
    flow = workflow(distributed(child, kind=kind, MaxConcurrency=1))
    arn = flow.start(input="[1, 2, 3]")
    failed = map_run(clients, flow.end(arn))
    sfn = clients("stepfunctions")
    (child_before,) = sfn.list_executions(mapRunArn=failed["mapRunArn"], statusFilter="FAILED")[
        "executions"
    ]
    table.appear()

    sfn.redrive_execution(executionArn=arn)

    end = flow.end(arn)
    assert json.loads(end["output"]) == [1, 2, 3]
    described = map_run(clients, end)
    assert described["mapRunArn"] == failed["mapRunArn"]
    assert (described["status"], described["redriveCount"]) == ("SUCCEEDED", 1)
    assert described["itemCounts"]["succeeded"] == 3
    children = sfn.list_executions(mapRunArn=failed["mapRunArn"])["executions"]
    again = {each["executionArn"]: each["redriveCount"] for each in children}
    assert again.get(child_before["executionArn"]) == (1 if kind == "STANDARD" else None)
    kinds = [event["type"] for event in flow.events(arn)]
    assert (kinds.count("MapRunStarted"), kinds.count("MapRunRedriven")) == (1, 1)


def test_children_that_waited_when_the_parent_was_stopped_wait_again(
    workflow: Any, clients: Clients
) -> None:
    flow = workflow(distributed({"Review": review()}, kind="STANDARD"))
    arn = flow.start(input="[1, 2]")
    before = {flow.message()["executionArn"] for _ in range(2)}
    sfn = clients("stepfunctions")
    sfn.stop_execution(executionArn=arn)
    flow.end(arn)

    sfn.redrive_execution(executionArn=arn)
    again = [flow.message() for _ in range(2)]
    for message in again:
        flow.succeed(message["taskToken"], '"seen"')

    assert {message["executionArn"] for message in again} == before
    assert {message["redriveCount"] for message in again} == {1}
    assert json.loads(flow.end(arn)["output"]) == ["seen", "seen"]


def test_a_child_is_redriven_by_its_map_run_alone(workflow: Any, clients: Clients) -> None:
    broken = {"Broken": {"Type": "Fail", "Error": "BadOrder"}}
    flow = workflow(distributed(broken, kind="STANDARD"))
    arn = map_run(clients, flow.end(flow.start(input="[1]")))["mapRunArn"]
    sfn = clients("stepfunctions")
    (child,) = sfn.list_executions(mapRunArn=arn)["executions"]

    with pytest.raises(ClientError, match="ExecutionNotRedrivable"):
        sfn.redrive_execution(executionArn=child["executionArn"])

    described = sfn.describe_execution(executionArn=child["executionArn"])
    assert described["redriveStatus"] == "REDRIVABLE_BY_MAP_RUN"


def test_a_map_run_that_could_not_read_its_items_starts_on_redrive(
    workflow: Any, clients: Clients
) -> None:
    bucket = f"b-{uuid.uuid4()}"
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSONL"},
        "Parameters": {"Bucket": bucket, "Key": "orders.jsonl"},
    }
    flow = workflow(distributed(ItemReader=reader))
    arn = flow.start()
    assert flow.end(arn)["error"] == "States.ItemReaderFailed"
    clients("s3").create_bucket(Bucket=bucket)
    clients("s3").put_object(Bucket=bucket, Key="orders.jsonl", Body=b'{"order_id": 7}')

    clients("stepfunctions").redrive_execution(executionArn=arn)

    assert json.loads(flow.end(arn)["output"]) == [{"order_id": 7}]
