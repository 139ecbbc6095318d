"""Task tokens that run out of time, and heartbeats."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conditions import wait_until
from tests.local.aws.workflows import (
    LONG_WAIT,
    MakeWorkflow,
    review,
)


@pytest.mark.parametrize("clock", [{"TimeoutSeconds": 1}, {"HeartbeatSeconds": 1}])
def test_a_task_that_ran_out_of_time_is_closed_and_fails_the_execution(
    workflow: MakeWorkflow, clock: dict[str, int]
) -> None:
    flow = workflow({"Review": review(**clock)})
    arn, token = flow.waiting()

    end = flow.end(arn)

    assert (end["status"], end["error"]) == ("FAILED", "States.Timeout")
    assert flow.succeed(token) == "TaskTimedOut"
    (timed_out,) = [event for event in flow.events(arn) if event["type"] == "TaskTimedOut"]
    assert timed_out["taskTimedOutEventDetails"]["error"] == "States.Timeout"


def test_a_caught_timeout_closes_the_token_although_the_execution_goes_on(
    workflow: MakeWorkflow,
) -> None:
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "Wait"}]
    flow = workflow({"Review": review(TimeoutSeconds=1, Catch=catch), "Wait": LONG_WAIT})
    arn, token = flow.waiting()
    wait_until(lambda: flow.entered(arn) == ["Review", "Wait"], what="the state after the timeout")

    assert flow.succeed(token) == "TaskTimedOut"


def test_an_answer_at_the_last_moment_is_either_refused_or_seen(workflow: MakeWorkflow) -> None:
    """A 200 whose answer then loses against the deadline would be a false delivery."""
    flow = workflow({"Review": review(TimeoutSeconds=1)})
    with ThreadPoolExecutor(12) as pool:
        waiting = [flow.waiting() for _ in range(12)]
        entered = [flow.events(arn)[1]["timestamp"].timestamp() for arn, _ in waiting]

        def answer(number: int) -> tuple[str, str]:
            arn, token = waiting[number]
            time.sleep(max(0.0, entered[number] + 0.98 + number * 0.004 - time.time()))
            return flow.succeed(token), flow.end(arn)["status"]

        for result, status in pool.map(answer, range(12)):
            assert (result, status) in {("ok", "SUCCEEDED"), ("TaskTimedOut", "FAILED")}


def test_heartbeats_keep_a_task_open_and_stopping_them_ends_it(workflow: MakeWorkflow) -> None:
    flow = workflow({"Review": review(HeartbeatSeconds=1)})
    arn, token = flow.waiting()
    beginning = time.monotonic()
    while time.monotonic() - beginning < 1.6:
        assert flow.beat(token) == "ok"
        time.sleep(0.1)

    assert flow.end(arn)["error"] == "States.Timeout"
    assert flow.beat(token) == "TaskTimedOut"


def test_a_heartbeat_is_accepted_where_none_is_asked_for(workflow: MakeWorkflow) -> None:
    flow = workflow({"Review": review()})
    arn, token = flow.waiting()

    assert flow.beat(token) == "ok"
    assert flow.succeed(token) == "ok"

    assert flow.end(arn)["status"] == "SUCCEEDED"
