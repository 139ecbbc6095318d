"""Rules on timeouts: at the number, just below and just above it."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.workflows.linting.linter import lint
from approvals.workflows.linting.rule import QueueSettings
from tests.workflows.linting.definitions import (
    ASK,
    Body,
    definition,
    findings,
    function,
    waits,
    workflow,
)


def job(call: str, **fields: Any) -> Body:
    """A Task that starts a job."""
    return {"Type": "Task", "Resource": f"arn:aws:states:::{call}", "Next": "Done"} | fields


@pytest.mark.parametrize("beats", ["HeartbeatSeconds", "HeartbeatSecondsPath"])
def test_a_heartbeat_ends_the_wait_for_a_lost_message(beats: str) -> None:
    review = waits(**{beats: 60 if beats == "HeartbeatSeconds" else "$.beat"})
    del review["TimeoutSeconds"]

    assert findings(definition(workflow(Ask=review))) == []


def test_a_wait_without_timeout_names_what_ends_it() -> None:
    review = waits()
    del review["TimeoutSeconds"]
    body = workflow(Ask=review)

    [found] = lint(definition(body))
    assert "until the workflow's own timeout" in found.violation.reason
    del body["TimeoutSeconds"]
    assert "for a year" in lint(definition(body))[0].violation.reason


@pytest.mark.parametrize(
    ("states", "found"),
    [
        ({"A": {"Type": "Pass", "Next": "Done"}}, False),
        ({"A": {"Type": "Wait", "Seconds": 5, "Next": "Done"}}, False),
        ({"A": {"Type": "Wait", "SecondsPath": "$.s", "Next": "Done"}}, True),
        ({"A": function()}, False),
        ({"A": job("ecs:runTask.sync")}, True),
        ({"A": job("ecs:runTask.sync", TimeoutSeconds=60)}, False),
        ({"A": job("ecs:runTask")}, False),
        ({"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}, True),
    ],
)
def test_a_workflow_that_cannot_hang_needs_no_timeout(states: Body, found: bool) -> None:
    body = workflow(**states)
    del body["TimeoutSeconds"]

    assert findings(definition(body)) == ([("workflow-timeout-missing", "")] if found else [])


@pytest.mark.parametrize(
    ("seconds", "queue", "rule"),
    [
        (10, QueueSettings(undo_seconds=10), "review-timeout-below-undo"),
        (11, QueueSettings(undo_seconds=10), None),
        (345_599, QueueSettings(), None),
        (345_600, QueueSettings(), "review-outlives-retention"),
        (345_600, QueueSettings(retention_seconds=1_209_600), None),
    ],
)
def test_a_review_lasts_longer_than_the_undo_and_shorter_than_the_queue_keeps_it(
    seconds: int, queue: QueueSettings, rule: str | None
) -> None:
    body = workflow(Ask=waits(TimeoutSeconds=seconds)) | {"TimeoutSeconds": 9_999_999}

    place = f"{ASK}/TimeoutSeconds"
    assert findings(definition(body), queue) == ([(rule, place)] if rule else [])


@pytest.mark.parametrize(("beat", "found"), [(3_599, False), (3_600, True), (4_000, True)])
def test_a_heartbeat_is_faster_than_the_timeout(beat: int, found: bool) -> None:
    wanted = [("heartbeat-above-timeout", f"{ASK}/HeartbeatSeconds")] if found else []

    assert findings(definition(workflow(Ask=waits(HeartbeatSeconds=beat)))) == wanted
