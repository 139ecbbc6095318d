"""What the children of a Distributed Map did is read from its manifest, whether the map succeeded or failed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_django import Settings

from approvals import arns
from approvals.actions import batches
from approvals.delivery import lanes
from approvals.exceptions import Invalid, Unavailable
from approvals.gateways import s3, stepfunctions
from approvals.gateways.stepfunctions import Execution
from approvals.models import AuditEvent, BatchExecution, OrderBatch
from approvals.reconciliation import batch_executions, map_results
from tests.order_batches import ended, mapped, output, sums
from tests.starts import MACHINE, REGION, Starts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starts")]
RUN = f"{REGION}:mapRun:daily-orders/Orders:ad9b5f27-090b-3ac6-9beb-243cd77144a7"


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The Map Runs that Step Functions lists: one."""
    listed = [RUN]
    monkeypatch.setattr(stepfunctions, "map_runs", lambda *_: listed)
    return listed


def folder(execution: BatchExecution) -> str:
    """Where the results of the map are: the Map Run's folder below the prefix of the input."""
    return f"batches/{execution.batch_id}/{execution.number}/results/{RUN.rpartition(':')[2]}"


def written(files: dict[str, bytes], at: str, **results: Any) -> None:
    """Put a manifest and a file of results for each status among the files."""
    named = {}
    for status, children in results.items():
        files[f"{at}/{status}_0.json"] = json.dumps(children).encode()
        named[status] = [{"Key": f"{at}/{status}_0.json", "Size": 1}]
    manifest = {"DestinationBucket": "daily-orders", "MapRunArn": RUN, "ResultFiles": named}
    files[f"{at}/manifest.json"] = json.dumps(manifest).encode()


def failed(items: list[int], error: str = "States.Timeout") -> dict[str, Any]:
    """A child that failed, as its file holds it."""
    text = json.dumps({"Items": [{"item": item} for item in items]})
    return {"Status": "FAILED", "Error": error, "Cause": "…", "Input": text}


def test_what_the_children_of_a_failed_map_settled_stays_settled(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, runs: list[str]
) -> None:
    files: dict[str, bytes] = {}
    batch = mapped(monkeypatch, settings, files)
    execution = BatchExecution.objects.get()
    arn = arns.execution_arn(MACHINE, "order-A-3")
    settled = {"Output": output([1, 2], _3=arn), "Status": "SUCCEEDED"}
    written(files, folder(execution), SUCCEEDED=[settled], FAILED=[failed([4])], PENDING=[])

    assert ended(execution, "", "failed")

    totals = {"read": 6, "settled": 2, "executions": 1, "under_way": 2, "refused": 1}
    assert sums(batch) == totals
    lanes.drain("executions")
    assert batches.finish(batch.pk)
    why = dict(AuditEvent.objects.filter(kind="order.released").values_list("data__why", "kind"))
    assert set(why) == {
        "its child of the map failed: States.Timeout",
        f"{execution.name} has not reported it",
    }


def test_the_failed_children_of_a_map_that_succeeded_are_named_too(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    files: dict[str, bytes] = {}
    mapped(monkeypatch, settings, files)
    execution = BatchExecution.objects.get()
    written(files, "r", SUCCEEDED=[{"Output": output([1, 2, 3])}], FAILED=[failed([4, 5], "Sad\0")])
    details = {"ResultWriterDetails": {"Bucket": "daily-orders", "Key": "r/manifest.json"}}

    assert ended(execution, json.dumps(details))

    released = AuditEvent.objects.filter(kind="order.released").values_list("data__why", flat=True)
    assert set(released) == {"its child of the map failed: Sad⟨U+0000⟩"}
    assert len(released) == 2


def test_one_child_that_cannot_be_read_takes_no_other_along(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, runs: list[str]
) -> None:
    files: dict[str, bytes] = {}
    batch = mapped(monkeypatch, settings, files)
    execution = BatchExecution.objects.get()
    children = [{"Output": "no JSON"}, {"Output": output([5])}]
    written(files, folder(execution), SUCCEEDED=children, FAILED=[{"Input": "[]"}])

    assert ended(execution, "", "aborted")

    assert sums(batch)["settled"] == 1


def test_a_failed_map_without_results_gives_every_order_its_own_execution(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, runs: list[str]
) -> None:
    batch = mapped(monkeypatch, settings, {})
    runs.clear()

    assert ended(BatchExecution.objects.get(), "", "failed")

    assert sums(batch) == {"read": 6, "under_way": 5, "refused": 1}


def test_map_runs_that_cannot_be_listed_now_are_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    batch = mapped(monkeypatch, settings, {})

    def away(*_: Any) -> list[str]:
        raise Unavailable("Step Functions does not list Map Runs: Throttling.")

    monkeypatch.setattr(stepfunctions, "map_runs", away)

    assert not ended(BatchExecution.objects.get(), "", "failed")
    assert "Throttling" in OrderBatch.objects.get(pk=batch.pk).problem


def test_results_that_s3_refuses_stand_on_the_page_until_they_are_read(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, runs: list[str]
) -> None:
    files: dict[str, bytes] = {}
    batch = mapped(monkeypatch, settings, files)
    execution = BatchExecution.objects.get()
    opened = s3.opened

    def refused(*_: Any) -> Any:
        raise s3.NotAllowedHere("s3://b/r may not be read or written by us: AccessDenied.")

    monkeypatch.setattr(s3, "opened", refused)
    assert not ended(execution, "", "failed")
    batch.refresh_from_db()
    assert "AccessDenied" in batch.problem
    assert "s3:GetObject" in batch.problem
    monkeypatch.setattr(s3, "opened", opened)
    written(files, folder(execution), SUCCEEDED=[{"Output": output([1])}])

    assert ended(execution, "", "failed")

    batch.refresh_from_db()
    assert batch.problem == ""


def test_a_manifest_without_end_is_not_held(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, starts: Starts
) -> None:
    files: dict[str, bytes] = {"r": b" " * (map_results.LONGEST_MANIFEST + 1)}
    mapped(monkeypatch, settings, files)
    execution = BatchExecution.objects.get()
    details = {"ResultWriterDetails": {"Bucket": "b", "Key": "r"}}
    succeeded = Execution(execution.execution_arn, "succeeded", b"", output=json.dumps(details))

    with pytest.raises(Invalid, match="longer than"):
        list(map_results.children(execution, succeeded))
    assert batch_executions.read_end(succeeded)  # its orders are started one by one
