"""The errors of a distributed Map have the names that a Catch can name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local.aws.maps import EXCEEDED, FAIL_TWO, distributed, reading, run, writing
from tests.local.aws.workflows import PASS, MakeWorkflow


def test_the_exceeded_threshold_is_caught_by_its_name(workflow: MakeWorkflow) -> None:
    catch = [{"ErrorEquals": [EXCEEDED], "Next": "Caught"}]
    caught = {"Caught": {"Type": "Pass", "Result": "caught", "End": True}}
    flow = workflow({**distributed(FAIL_TWO, Catch=catch), **caught})

    assert run(flow)["output"] == '"caught"'


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("States.ItemReaderFailed", reading("no-such-bucket", "orders.jsonl")),
        ("States.ResultWriterFailed", writing("no-such-bucket")),
    ],
)
def test_the_error_and_its_cause_are_the_input_of_the_state_that_catches_it(
    workflow: MakeWorkflow, name: str, more: dict[str, Any]
) -> None:
    catch = [{"ErrorEquals": [name], "Next": "Caught"}]
    flow = workflow({**distributed(Catch=catch, **more), "Caught": PASS})

    caught = json.loads(run(flow)["output"])

    assert caught["Error"] == name
    assert "NoSuchBucket" in caught["Cause"]
