"""The results of a distributed Map: the output of its state, and the files in S3.

Developer guide, "ResultWriter (Map)".
"""

from __future__ import annotations

import json
from typing import Any

from tests.local.aws.maps import (
    FAIL_TWO,
    distributed,
    map_run,
    run,
    writing,
)
from tests.local.aws.resources import Bucket
from tests.local.aws.workflows import (
    Clients,
    MakeWorkflow,
    review,
)


def test_the_result_of_a_failed_child_tells_its_error(workflow: MakeWorkflow) -> None:
    """ "ResultWriter (Map)": a failed child's result is as with the transformation NONE."""
    flow = workflow(distributed(FAIL_TWO, kind="STANDARD", ToleratedFailureCount=1))

    first, failed, last = json.loads(run(flow)["output"])

    assert (first, last) == (1, 3)
    assert (failed["Status"], failed["Error"], failed["Input"]) == ("FAILED", "BadOrder", "2")


def test_results_are_written_beside_a_manifest(workflow: MakeWorkflow, bucket: Bucket) -> None:
    tolerant: dict[str, Any] = {"ToleratedFailureCount": 1, "kind": "STANDARD"}
    flow = workflow(distributed(FAIL_TWO, **tolerant, **writing(bucket.name)))

    result = json.loads(run(flow)["output"])

    place = result["ResultWriterDetails"]
    uuid_of_run = result["MapRunArn"].rpartition(":")[2]
    assert place == {"Bucket": bucket.name, "Key": f"results/{uuid_of_run}/manifest.json"}
    manifest = bucket.json(place["Key"])
    assert manifest["MapRunArn"] == result["MapRunArn"]
    assert manifest["DestinationBucket"] == bucket.name
    files = manifest["ResultFiles"]
    assert files["PENDING"] == []
    assert files["SUCCEEDED"][0]["Key"] == f"results/{uuid_of_run}/SUCCEEDED_0.json"
    (failed,) = bucket.json(files["FAILED"][0]["Key"])
    assert (failed["Error"], failed["Cause"], failed["Input"]) == ("BadOrder", "no total", "2")
    succeeded = bucket.json(files["SUCCEEDED"][0]["Key"])
    assert [(each["Status"], each["Output"]) for each in succeeded] == [
        ("SUCCEEDED", "1"),
        ("SUCCEEDED", "3"),
    ]


def test_a_failed_run_writes_what_is_still_pending(
    workflow: MakeWorkflow, clients: Clients, bucket: Bucket
) -> None:
    flow = workflow(distributed(FAIL_TWO, MaxConcurrency=1, **writing(bucket.name)))

    described = map_run(clients, run(flow, [2, 3, 4])["executionArn"])

    folder = f"results/{described['mapRunArn'].rpartition(':')[2]}"
    pending = bucket.json(f"{folder}/PENDING_0.json")
    assert [each["Input"] for each in pending] == ["3", "4"]
    assert described["itemCounts"]["resultsWritten"] == 1


def test_results_that_cannot_be_written_have_their_own_error(workflow: MakeWorkflow) -> None:
    assert run(workflow(distributed(**writing("no-such-bucket"))))["error"] == (
        "States.ResultWriterFailed"
    )


def test_without_a_writer_the_results_must_fit_into_the_state(
    workflow: MakeWorkflow, bucket: Bucket
) -> None:
    """ "ResultWriter (Map)": what is over 256 KiB has to be written to S3."""
    selector: dict[str, Any] = {"ItemSelector": {"filling": "x" * 1000}}
    small, large = range(200), range(300)

    assert run(workflow(distributed(**selector)), small)["status"] == "SUCCEEDED"
    assert run(workflow(distributed(**selector)), large)["error"] == "States.DataLimitExceeded"
    writer = writing(bucket.name)
    assert run(workflow(distributed(**selector, **writer)), large)["status"] == "SUCCEEDED"


def test_results_are_compact_or_flat_where_the_writer_says_so(workflow: MakeWorkflow) -> None:
    config = {"Transformation": "FLATTEN", "OutputType": "JSON"}
    flow = workflow(distributed(ResultWriter={"WriterConfig": config}))

    assert json.loads(run(flow, [[1, 2], [3]])["output"]) == [1, 2, 3]


def test_an_aborted_run_writes_what_it_had(
    workflow: MakeWorkflow, clients: Clients, bucket: Bucket
) -> None:
    waiting = {"Review": review()}
    limit: dict[str, Any] = {"kind": "STANDARD", "MaxConcurrency": 1}
    flow = workflow(distributed(waiting, **limit, **writing(bucket.name)))
    arn = flow.start(input="[1, 2]")
    flow.token()

    clients("stepfunctions").stop_execution(executionArn=arn)

    flow.end(arn)
    folder = f"results/{map_run(clients, arn)['mapRunArn'].rpartition(':')[2]}"
    manifest = bucket.json(f"{folder}/manifest.json")
    assert {kind: len(files) for kind, files in manifest["ResultFiles"].items()} == {
        "FAILED": 1,
        "PENDING": 1,
        "SUCCEEDED": 0,
    }
