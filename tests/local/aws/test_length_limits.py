"""Limits of length: a refused answer leaves its task open."""

from __future__ import annotations

import json

import pytest

from tests.local.aws.workflows import (
    MakeWorkflow,
    review,
)

LIMIT = 262_144


@pytest.mark.parametrize(
    ("output", "code"),
    [
        (json.dumps("x" * (LIMIT - 1)), "ValidationException"),
        (json.dumps("ä" * (LIMIT // 2), ensure_ascii=False), "ValidationException"),
    ],
)
def test_an_output_that_is_refused_leaves_the_task_open(
    workflow: MakeWorkflow, output: str, code: str
) -> None:
    flow = workflow({"Review": review()})
    arn, token = flow.waiting()

    assert flow.succeed(token, output) == code

    assert flow.succeed(token, json.dumps("x" * (LIMIT - 2))) == "ok"
    assert flow.end(arn)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("given", [{"error": "e" * 257}, {"cause": "c" * 32_769}])
def test_an_error_or_cause_that_is_too_long_leaves_the_task_open(
    workflow: MakeWorkflow, given: dict[str, str]
) -> None:
    flow = workflow({"Review": review()})
    arn, token = flow.waiting()

    assert flow.fail(token, **given) == "ValidationException"

    assert flow.fail(token, error="e" * 256, cause="c" * 32_768) == "ok"
    assert len(flow.end(arn)["cause"]) == 32_768
