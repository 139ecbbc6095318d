"""The children of a Map Run run in threads: how many at once, and until when."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.local.aws.maps import (
    distributed,
    map_run,
    run,
)
from tests.local.aws.workflows import (
    Clients,
    MakeWorkflow,
    review,
)


def test_a_thousand_items_go_through_in_seconds(workflow: MakeWorkflow) -> None:
    """2 s on two idle cores; the bound only shows that nothing grows with the square."""
    flow = workflow(distributed(kind="STANDARD", MaxConcurrency=40))
    started = time.monotonic()

    end = run(flow, range(1000))

    assert json.loads(end["output"]) == list(range(1000))
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("limit", [{"MaxConcurrency": 2}, {"MaxConcurrencyPath": "$.most"}])
def test_no_more_children_run_at_once_than_allowed(
    workflow: MakeWorkflow, clients: Clients, limit: dict[str, Any]
) -> None:
    waiting = {"Review": review()}
    flow = workflow(distributed(waiting, kind="STANDARD", ItemsPath="$.items", **limit))
    arn = flow.start(input='{"items": [1, 2, 3, 4], "most": 2}')
    tokens = [flow.token(), flow.token()]

    described = map_run(clients, arn)
    assert described["maxConcurrency"] == 2
    assert described["executionCounts"]["running"] == 2
    assert described["executionCounts"]["pending"] == 2
    for token in [*tokens, None, None]:
        flow.succeed(token or flow.token())
    assert flow.end(arn)["status"] == "SUCCEEDED"


def test_a_failed_threshold_aborts_the_children_that_still_run(
    workflow: MakeWorkflow, clients: Clients
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

    described = map_run(clients, run(flow, [1, 2])["executionArn"])

    assert (described["itemCounts"]["failed"], described["itemCounts"]["aborted"]) == (1, 1)
