"""Distributed Map of the local account, against the dev guide's pages about it.

"Distributed mode", "ItemReader (Map)", "ItemBatcher (Map)", "ResultWriter (Map)", "Setting failure
thresholds"; and DescribeMapRun, ListMapRuns and ListExecutions of the API reference.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import Clients, review

PASS = {"Pass": {"Type": "Pass", "End": True}}
FAIL_TWO: dict[str, Any] = {
    "Which": {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "Broken"}],
        "Default": "Pass",
    },
    "Broken": {"Type": "Fail", "Error": "BadOrder", "Cause": "no total"},
    **PASS,
}
EXCEEDED = "States.ExceedToleratedFailureThreshold"


def distributed(states=None, kind="EXPRESS", **more):
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind},
        "StartAt": next(iter(states or PASS)),
        "States": states or PASS,
    }
    ending = {} if "Next" in more else {"End": True}
    return {"Orders": {"Type": "Map", "ItemProcessor": processor, **ending, **more}}


def run(flow, items=(1, 2, 3)):
    return flow.end(flow.start(input=json.dumps(items if isinstance(items, dict) else list(items))))


def map_run(clients, execution):
    (listed,) = clients("stepfunctions").list_map_runs(executionArn=execution["executionArn"])[
        "mapRuns"
    ]
    return map_run_of(clients, listed)


def map_run_of(clients, listed):
    return clients("stepfunctions").describe_map_run(mapRunArn=listed["mapRunArn"])


def in_the_end(look, wanted):
    for _ in range(200):
        if (seen := look()) == wanted:
            return
        time.sleep(0.02)
    raise AssertionError(f"still {seen}, not {wanted}")


@pytest.fixture(scope="module")
def bucket(clients: Clients):
    name = f"b-{uuid.uuid4()}"
    clients("s3").create_bucket(Bucket=name)
    clients("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def put(clients, bucket, key, body):
    return clients("s3").put_object(Bucket=bucket, Key=key, Body=body.encode())["VersionId"]


def got(clients, bucket, key):
    return json.loads(clients("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def test_a_thousand_items_go_through_in_seconds(workflow: Any) -> None:
    """2 s on two idle cores; the bound only shows that nothing grows with the square."""
    flow = workflow(distributed(kind="STANDARD", MaxConcurrency=40))
    started = time.monotonic()

    end = run(flow, range(1000))

    assert json.loads(end["output"]) == list(range(1000))
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("kind", ["EXPRESS", "STANDARD"])
def test_each_item_is_a_child_and_the_outputs_keep_their_order(workflow: Any, kind: Any) -> None:
    flow = workflow(distributed(kind=kind))

    assert json.loads(run(flow, range(20))["output"]) == list(range(20))


def test_a_child_is_an_execution_with_its_own_arn_and_context(
    workflow: Any, clients: Clients
) -> None:
    shown = {"id.$": "$$.Execution.Id", "machine.$": "$$.StateMachine.Id", "item.$": "$"}
    child = {"Show": {"Type": "Pass", "Parameters": shown, "End": True}}
    flow = workflow(distributed(child, kind="STANDARD", Label="orders"))

    (seen,) = json.loads(run(flow, ["order-7"])["output"])

    assert seen["machine"] == f"{flow.arn}/orders"
    assert seen["id"].startswith(flow.arn.replace("stateMachine", "execution") + "/orders:")
    described = clients("stepfunctions").describe_execution(executionArn=seen["id"])
    assert (described["status"], described["input"]) == ("SUCCEEDED", '"order-7"')
    assert ":mapRun:" in described["mapRunArn"]
    assert flow.events(seen["id"])[0]["type"] == "ExecutionStarted"


def test_item_selector_sees_the_item_its_index_and_the_input(workflow: Any) -> None:
    selector = {"n.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "day.$": "$.day"}
    flow = workflow(distributed(ItemsPath="$.orders", ItemSelector=selector))

    end = run(flow, {"day": "monday", "orders": ["a", "b"]})

    assert json.loads(end["output"]) == [
        {"n": 0, "v": "a", "day": "monday"},
        {"n": 1, "v": "b", "day": "monday"},
    ]


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
    workflow: Any, tolerance: Any, status: Any
) -> None:
    flow = workflow(distributed(FAIL_TWO, ItemsPath="$.items", **tolerance))

    end = run(flow, {"items": [1, 2, 3, 4], "may_fail": 1})

    assert (end["status"], end.get("error")) == (status, EXCEEDED if status == "FAILED" else None)


def test_the_result_of_a_failed_child_tells_its_error(workflow: Any) -> None:
    """ "ResultWriter (Map)": a failed child's result is as with the transformation NONE."""
    flow = workflow(distributed(FAIL_TWO, kind="STANDARD", ToleratedFailureCount=1))

    first, failed, last = json.loads(run(flow)["output"])

    assert (first, last) == (1, 3)
    assert (failed["Status"], failed["Error"], failed["Input"]) == ("FAILED", "BadOrder", "2")


def test_the_exceeded_threshold_is_caught_by_its_name(workflow: Any) -> None:
    catch = [{"ErrorEquals": [EXCEEDED], "Next": "Told"}]
    told = {"Told": {"Type": "Pass", "Result": "told", "End": True}}
    flow = workflow({**distributed(FAIL_TWO, Catch=catch), **told})

    assert run(flow)["output"] == '"told"'


def test_a_retry_of_the_map_is_a_new_map_run_of_all_children(
    workflow: Any, clients: Clients
) -> None:
    """ "Distributed mode": a Retry runs every child again, those that succeeded too."""
    retry = [{"ErrorEquals": [EXCEEDED], "MaxAttempts": 1, "IntervalSeconds": 1}]
    flow = workflow(distributed(FAIL_TWO, Retry=retry))

    end = run(flow, [1, 2])

    runs = clients("stepfunctions").list_map_runs(executionArn=end["executionArn"])["mapRuns"]
    assert len(runs) == 2
    assert {map_run_of(clients, each)["itemCounts"]["total"] for each in runs} == {2}


def test_no_items_are_no_failure(workflow: Any) -> None:
    assert run(workflow(distributed()), [])["output"] == "[]"


def test_a_failed_branch_beside_it_aborts_the_children(workflow: Any, clients: Clients) -> None:
    broken = {"StartAt": "Ask", "States": {"Ask": review()}}
    orders = {"StartAt": "Orders", "States": distributed({"Review": review()}, kind="STANDARD")}
    both = {"Type": "Parallel", "Branches": [broken, orders], "End": True}
    flow = workflow({"Both": both})
    arn = flow.start(input="[1]")
    messages = {message["stateName"]: message for message in (flow.message(), flow.message())}

    flow.fail(messages["Ask"]["taskToken"], error="ReviewRejected", cause="no")

    assert flow.end(arn)["error"] == "ReviewRejected"
    in_the_end(lambda: flow.beat(messages["Review"]["taskToken"]), "TaskTimedOut")
    in_the_end(lambda: map_run(clients, {"executionArn": arn})["status"], "ABORTED")


def test_an_express_child_has_no_history_to_ask_for(workflow: Any, clients: Clients) -> None:
    """API reference, GetExecutionHistory: not supported by EXPRESS state machines."""
    flow = workflow(distributed())
    arn = map_run(clients, run(flow))["mapRunArn"]
    (child, *_) = clients("stepfunctions").list_executions(mapRunArn=arn)["executions"]

    with pytest.raises(ClientError, match="InvalidArn"):
        flow.events(child["executionArn"])


def test_a_map_run_counts_items_and_children_apart(workflow: Any, clients: Clients) -> None:
    batched = {"Inner": {"Type": "Pass", "End": True}}
    flow = workflow(distributed(batched, Label="orders", ItemBatcher={"MaxItemsPerBatch": 2}))

    described = map_run(clients, run(flow, range(5)))

    assert described["status"] == "SUCCEEDED"
    assert described["mapRunArn"].startswith(flow.arn.replace("stateMachine", "mapRun"))
    assert described["itemCounts"]["succeeded"] == described["itemCounts"]["total"] == 5
    assert described["executionCounts"]["succeeded"] == described["executionCounts"]["total"] == 3


def test_a_failed_map_run_says_what_failed_and_what_never_started(
    workflow: Any, clients: Clients
) -> None:
    flow = workflow(distributed(FAIL_TWO, MaxConcurrency=1))

    described = map_run(clients, run(flow, [1, 2, 3, 4]))

    counts = described["itemCounts"]
    assert described["status"] == "FAILED"
    assert [counts[of] for of in ("succeeded", "failed", "pending")] == [1, 1, 2]


def test_the_children_of_a_map_run_are_listed_with_their_status(
    workflow: Any, clients: Clients
) -> None:
    flow = workflow(distributed(FAIL_TWO, kind="STANDARD", ToleratedFailureCount=1))
    arn = map_run(clients, run(flow))["mapRunArn"]
    sfn = clients("stepfunctions")

    (failed,) = sfn.list_executions(mapRunArn=arn, statusFilter="FAILED")["executions"]
    pages = sfn.get_paginator("list_executions").paginate(
        mapRunArn=arn, PaginationConfig={"PageSize": 2}
    )
    sizes = [len(page["executions"]) for page in pages]

    assert (failed["mapRunArn"], failed["itemCount"]) == (arn, 1)
    assert sizes == [2, 1]
    with pytest.raises(ClientError, match="ValidationException"):
        sfn.list_executions(mapRunArn=arn, stateMachineArn=flow.arn)


@pytest.mark.parametrize(
    ("batcher", "sizes"),
    [
        ({"MaxItemsPerBatch": 2}, [2, 2, 1]),
        ({"MaxItemsPerBatchPath": "$.size"}, [3, 2]),
        ({"MaxInputBytesPerBatch": 60}, [3, 2]),
        ({"MaxItemsPerBatch": 4, "MaxInputBytesPerBatch": 45}, [2, 2, 1]),
    ],
)
def test_batches_are_closed_by_items_or_bytes(workflow: Any, batcher: Any, sizes: Any) -> None:
    flow = workflow(distributed(ItemsPath="$.items", ItemBatcher=batcher))

    end = run(flow, {"items": ["0123456789ab"] * 5, "size": 3})

    assert [len(batch["Items"]) for batch in json.loads(end["output"])] == sizes


def test_every_batch_carries_the_batch_input(workflow: Any) -> None:
    batcher = {"MaxItemsPerBatch": 2, "BatchInput": {"day.$": "$.day", "kind": "daily"}}
    flow = workflow(distributed(ItemsPath="$.items", ItemBatcher=batcher))

    end = run(flow, {"items": [1, 2, 3], "day": "monday"})

    shared = {"day": "monday", "kind": "daily"}
    assert json.loads(end["output"]) == [
        {"Items": [1, 2], "BatchInput": shared},
        {"Items": [3], "BatchInput": shared},
    ]


def test_one_failing_order_fails_its_whole_batch(workflow: Any, clients: Clients) -> None:
    failing = {"Broken": {"Type": "Fail", "Error": "BadOrder"}}
    batcher = {"MaxItemsPerBatch": 100}
    flow = workflow(distributed(failing, ItemBatcher=batcher, ToleratedFailurePercentage=100))

    counts = map_run(clients, run(flow))["itemCounts"]

    assert (counts["failed"], counts["total"]) == (3, 3)


@pytest.mark.parametrize(
    ("kind", "body", "config"),
    [
        ("JSON", '[{"id": "1"}, {"id": "2"}]', {}),
        ("JSONL", '{"id": "1"}\n{"id": "2"}\n', {}),
        ("JSONL", '{"id": "1"}\n{"id": "2"}\n{"id": "3"}', {"MaxItems": 2}),
        ("CSV", "id\n1\n2\n", {"CSVHeaderLocation": "FIRST_ROW"}),
    ],
)
def test_the_items_are_read_from_s3(
    workflow: Any, clients: Clients, bucket: Any, kind: Any, body: Any, config: Any
) -> None:
    put(clients, bucket, f"orders.{kind}", body)
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": kind, **config},
        "Parameters": {"Bucket": bucket, "Key": f"orders.{kind}"},
    }
    flow = workflow(distributed(ItemReader=reader))

    assert json.loads(run(flow)["output"]) == [{"id": "1"}, {"id": "2"}]


def test_a_version_id_pins_the_object_that_is_read(
    workflow: Any, clients: Clients, bucket: Any
) -> None:
    first = put(clients, bucket, "pinned.jsonl", '{"v": 1}')
    put(clients, bucket, "pinned.jsonl", '{"v": 2}')
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSONL"},
        "Parameters": {"Bucket": bucket, "Key": "pinned.jsonl", "VersionId.$": "$.version"},
    }
    flow = workflow(distributed(ItemReader=reader))

    assert json.loads(run(flow, {"version": first})["output"]) == [{"v": 1}]


@pytest.mark.parametrize("key", ["absent.jsonl", "broken.jsonl"])
def test_items_that_cannot_be_read_have_their_own_error(
    workflow: Any, clients: Clients, bucket: Any, key: Any
) -> None:
    put(clients, bucket, "broken.jsonl", "{")
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSONL"},
        "Parameters": {"Bucket": bucket, "Key": key},
    }
    flow = workflow(distributed(ItemReader=reader))

    end = run(flow)

    assert end["error"] == "States.ItemReaderFailed"
    assert "MapRunFailed" in [event["type"] for event in flow.events(end["executionArn"])]


def writing(bucket, **more):
    writer = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": bucket, "Prefix": "results"},
        **more,
    }
    return {"ResultWriter": writer}


def test_results_are_written_beside_a_manifest(
    workflow: Any, clients: Clients, bucket: Any
) -> None:
    tolerant = {"ToleratedFailureCount": 1, "kind": "STANDARD"}
    flow = workflow(distributed(FAIL_TWO, **tolerant, **writing(bucket)))

    result = json.loads(run(flow)["output"])

    place = result["ResultWriterDetails"]
    uuid_of_run = result["MapRunArn"].rpartition(":")[2]
    assert place == {"Bucket": bucket, "Key": f"results/{uuid_of_run}/manifest.json"}
    manifest = got(clients, bucket, place["Key"])
    assert manifest["MapRunArn"] == result["MapRunArn"]
    assert manifest["DestinationBucket"] == bucket
    files = manifest["ResultFiles"]
    assert files["PENDING"] == []
    assert files["SUCCEEDED"][0]["Key"] == f"results/{uuid_of_run}/SUCCEEDED_0.json"
    (failed,) = got(clients, bucket, files["FAILED"][0]["Key"])
    assert (failed["Error"], failed["Cause"], failed["Input"]) == ("BadOrder", "no total", "2")
    succeeded = got(clients, bucket, files["SUCCEEDED"][0]["Key"])
    assert [(each["Status"], each["Output"]) for each in succeeded] == [
        ("SUCCEEDED", "1"),
        ("SUCCEEDED", "3"),
    ]


def test_a_failed_run_writes_what_is_still_pending(
    workflow: Any, clients: Clients, bucket: Any
) -> None:
    flow = workflow(distributed(FAIL_TWO, MaxConcurrency=1, **writing(bucket)))

    described = map_run(clients, run(flow, [2, 3, 4]))

    folder = f"results/{described['mapRunArn'].rpartition(':')[2]}"
    pending = got(clients, bucket, f"{folder}/PENDING_0.json")
    assert [each["Input"] for each in pending] == ["3", "4"]
    assert described["itemCounts"]["resultsWritten"] == 1


def test_results_that_cannot_be_written_have_their_own_error(workflow: Any) -> None:
    assert run(workflow(distributed(**writing("no-such-bucket"))))["error"] == (
        "States.ResultWriterFailed"
    )


def test_without_a_writer_the_results_must_fit_into_the_state(workflow: Any, bucket: Any) -> None:
    """ "ResultWriter (Map)": what is over 256 KiB has to be written to S3."""
    selector = {"ItemSelector": {"filling": "x" * 1000}}
    small, large = range(200), range(300)

    assert run(workflow(distributed(**selector)), small)["status"] == "SUCCEEDED"
    assert run(workflow(distributed(**selector)), large)["error"] == "States.DataLimitExceeded"
    writer = writing(bucket)
    assert run(workflow(distributed(**selector, **writer)), large)["status"] == "SUCCEEDED"


def test_an_aborted_run_writes_what_it_had(workflow: Any, clients: Clients, bucket: Any) -> None:
    waiting = {"Review": review()}
    limit = {"kind": "STANDARD", "MaxConcurrency": 1}
    flow = workflow(distributed(waiting, **limit, **writing(bucket)))
    arn = flow.start(input="[1, 2]")
    flow.token()

    clients("stepfunctions").stop_execution(executionArn=arn)

    described = map_run(clients, flow.end(arn))
    folder = f"results/{described['mapRunArn'].rpartition(':')[2]}"
    manifest = got(clients, bucket, f"{folder}/manifest.json")
    assert {kind: len(files) for kind, files in manifest["ResultFiles"].items()} == {
        "FAILED": 1,
        "PENDING": 1,
        "SUCCEEDED": 0,
    }


def test_a_missing_path_fails_the_run_with_the_execution(workflow: Any, clients: Clients) -> None:
    flow = workflow(distributed(ItemSelector={"day.$": "$.day"}))

    end = run(flow)

    assert end["error"] == "States.Runtime"
    assert map_run(clients, end)["status"] == "FAILED"


def test_results_are_compact_or_flat_where_the_writer_says_so(workflow: Any) -> None:
    flat = {"ResultWriter": {"WriterConfig": {"Transformation": "FLATTEN", "OutputType": "JSON"}}}
    flow = workflow(distributed(**flat))

    assert json.loads(run(flow, [[1, 2], [3]])["output"]) == [1, 2, 3]


@pytest.mark.parametrize("limit", [{"MaxConcurrency": 2}, {"MaxConcurrencyPath": "$.most"}])
def test_no_more_children_run_at_once_than_allowed(
    workflow: Any, clients: Clients, limit: Any
) -> None:
    waiting = {"Review": review()}
    flow = workflow(distributed(waiting, kind="STANDARD", ItemsPath="$.items", **limit))
    arn = flow.start(input='{"items": [1, 2, 3, 4], "most": 2}')
    tokens = [flow.token(), flow.token()]

    described = map_run(clients, {"executionArn": arn})
    assert described["maxConcurrency"] == 2
    assert described["executionCounts"]["running"] == 2
    assert described["executionCounts"]["pending"] == 2
    for token in [*tokens, None, None]:
        flow.succeed(token or flow.token())
    assert flow.end(arn)["status"] == "SUCCEEDED"


def test_stopping_the_parent_closes_the_tokens_of_its_children(
    workflow: Any, clients: Clients
) -> None:
    flow = workflow(distributed({"Review": review()}, kind="STANDARD"))
    arn = flow.start(input="[1, 2]")
    messages = [flow.message(), flow.message()]

    clients("stepfunctions").stop_execution(executionArn=arn)

    assert flow.end(arn)["status"] == "ABORTED"
    assert {flow.beat(message["taskToken"]) for message in messages} == {"TaskTimedOut"}
    assert {flow.end(message["executionArn"])["status"] for message in messages} == {"ABORTED"}
    assert map_run(clients, {"executionArn": arn})["status"] == "ABORTED"


def test_a_failed_threshold_aborts_the_children_that_still_run(
    workflow: Any, clients: Clients
) -> None:
    mixed = {
        "Which": {
            "Type": "Choice",
            "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "Broken"}],
            "Default": "Review",
        },
        "Broken": {"Type": "Fail", "Error": "BadOrder"},
        "Review": review(),
    }
    flow = workflow(distributed(mixed, kind="STANDARD"))

    described = map_run(clients, run(flow, [1, 2]))

    assert (described["itemCounts"]["failed"], described["itemCounts"]["aborted"]) == (1, 1)


def test_a_running_map_run_can_be_given_more_hands(workflow: Any, clients: Clients) -> None:
    flow = workflow(distributed({"Review": review()}, kind="STANDARD", MaxConcurrency=1))
    arn = flow.start(input="[1, 2]")
    first = flow.token()
    described = map_run(clients, {"executionArn": arn})

    clients("stepfunctions").update_map_run(mapRunArn=described["mapRunArn"], maxConcurrency=2)

    for token in (flow.token(), first):
        flow.succeed(token)
    assert flow.end(arn)["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    "states",
    [
        distributed({"Review": review()}, kind="EXPRESS"),
        distributed(kind="SOMETHING"),
    ],
)
def test_a_map_whose_children_cannot_be_is_refused(workflow: Any, states: Any) -> None:
    """ "Standard vs Express": no callback in EXPRESS; "Distributed mode": ExecutionType is needed."""
    with pytest.raises(ClientError, match="InvalidDefinition"):
        workflow(states)


def test_an_express_workflow_has_no_distributed_map(workflow: Any) -> None:
    with pytest.raises(ClientError, match="InvalidDefinition"):
        workflow(distributed(), kind="EXPRESS")


def test_an_inner_inline_map_catches_what_one_order_does(workflow: Any) -> None:
    """One bad order in a batch need not fail it: an INLINE Map with a Catch for each."""
    each = {"Which": {**FAIL_TWO["Which"]}, "Broken": FAIL_TWO["Broken"], **PASS}
    caught = {
        "Each": {
            "Type": "Parallel",
            "Branches": [{"StartAt": "Which", "States": each}],
            "Catch": [{"ErrorEquals": ["BadOrder"], "Next": "Noted"}],
            "End": True,
        },
        "Noted": {"Type": "Pass", "Result": "noted", "End": True},
    }
    inner = {
        "Orders of the batch": {
            "Type": "Map",
            "ItemsPath": "$.Items",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "Each",
                "States": caught,
            },
            "End": True,
        }
    }
    flow = workflow(distributed(inner, ItemBatcher={"MaxItemsPerBatch": 10}))

    assert json.loads(run(flow)["output"]) == [[[1], "noted", [3]]]
