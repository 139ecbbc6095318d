"""Map Runs: what they count, and the redrive of their children."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.local.aws.maps import (
    FAIL_TWO,
    distributed,
    map_run,
    reading,
    run,
)
from tests.local.aws.resources import Table
from tests.local.aws.workflows import (
    Clients,
    MakeWorkflow,
    refusal,
    review,
)


def test_a_map_run_counts_items_and_children_apart(
    workflow: MakeWorkflow, clients: Clients
) -> None:
    batched = {"Inner": {"Type": "Pass", "End": True}}
    flow = workflow(distributed(batched, Label="orders", ItemBatcher={"MaxItemsPerBatch": 2}))

    described = map_run(clients, run(flow, range(5))["executionArn"])

    assert described["status"] == "SUCCEEDED"
    assert described["mapRunArn"].startswith(flow.arn.replace("stateMachine", "mapRun"))
    assert described["itemCounts"]["succeeded"] == described["itemCounts"]["total"] == 5
    assert described["executionCounts"]["succeeded"] == described["executionCounts"]["total"] == 3


def test_a_failed_map_run_says_what_failed_and_what_never_started(
    workflow: MakeWorkflow, clients: Clients
) -> None:
    flow = workflow(distributed(FAIL_TWO, MaxConcurrency=1))

    described = map_run(clients, run(flow, [1, 2, 3, 4])["executionArn"])

    counts = described["itemCounts"]
    assert described["status"] == "FAILED"
    assert [counts[of] for of in ("succeeded", "failed", "pending")] == [1, 1, 2]


def test_one_failing_order_fails_its_whole_batch(workflow: MakeWorkflow, clients: Clients) -> None:
    failing = {"Broken": {"Type": "Fail", "Error": "BadOrder"}}
    batcher = {"MaxItemsPerBatch": 100}
    flow = workflow(distributed(failing, ItemBatcher=batcher, ToleratedFailurePercentage=100))

    counts = map_run(clients, run(flow)["executionArn"])["itemCounts"]

    assert (counts["failed"], counts["total"]) == (3, 3)


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_of_a_distributed_map_only_the_failed_children_run_again(
    workflow: MakeWorkflow, clients: Clients, table: Table, kind: str
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
    assert flow.end(arn)["status"] == "FAILED"
    failed = map_run(clients, arn)
    sfn = clients("stepfunctions")
    (child_before,) = sfn.list_executions(mapRunArn=failed["mapRunArn"], statusFilter="FAILED")[
        "executions"
    ]
    table.create()

    sfn.redrive_execution(executionArn=arn)

    end = flow.end(arn)
    assert json.loads(end["output"]) == [1, 2, 3]
    described = map_run(clients, end["executionArn"])
    assert described["mapRunArn"] == failed["mapRunArn"]
    assert (described["status"], described["redriveCount"]) == ("SUCCEEDED", 1)
    assert described["itemCounts"]["succeeded"] == 3
    children = sfn.list_executions(mapRunArn=failed["mapRunArn"])["executions"]
    again = {each["executionArn"]: each["redriveCount"] for each in children}
    assert again.get(child_before["executionArn"]) == (1 if kind == "STANDARD" else None)
    kinds = [event["type"] for event in flow.events(arn)]
    assert (kinds.count("MapRunStarted"), kinds.count("MapRunRedriven")) == (1, 1)


def test_children_that_waited_when_the_parent_was_stopped_wait_again(
    workflow: MakeWorkflow, clients: Clients
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


def test_a_child_is_redriven_by_its_map_run_alone(workflow: MakeWorkflow, clients: Clients) -> None:
    broken = {"Broken": {"Type": "Fail", "Error": "BadOrder"}}
    flow = workflow(distributed(broken, kind="STANDARD"))
    arn = map_run(clients, run(flow, [1])["executionArn"])["mapRunArn"]
    sfn = clients("stepfunctions")
    (child,) = sfn.list_executions(mapRunArn=arn)["executions"]

    assert refusal(flow.redrive, arn=child["executionArn"]) == "ExecutionNotRedrivable"

    described = sfn.describe_execution(executionArn=child["executionArn"])
    assert described["redriveStatus"] == "REDRIVABLE_BY_MAP_RUN"


def test_a_map_run_that_could_not_read_its_items_starts_on_redrive(
    workflow: MakeWorkflow, clients: Clients
) -> None:
    bucket = f"b-{uuid.uuid4()}"
    flow = workflow(distributed(**reading(bucket, "orders.jsonl")))
    arn = flow.start()
    assert flow.end(arn)["error"] == "States.ItemReaderFailed"
    clients("s3").create_bucket(Bucket=bucket)
    clients("s3").put_object(Bucket=bucket, Key="orders.jsonl", Body=b'{"order_id": 7}')

    flow.redrive(arn)

    assert json.loads(flow.end(arn)["output"]) == [{"order_id": 7}]
