"""Callback tokens of the local account, against what AWS documents and plain moto does not do."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.local.conftest import Clients, Workflow, review

LIMIT = 262_144
AFTERWARDS = {"Type": "Wait", "Seconds": 60, "End": True}


def test_an_answer_becomes_the_output_of_the_task(workflow: Any) -> None:
    flow = workflow({"Review": review()})
    arn, token = flow.waiting()

    assert flow.succeed(token, '{"approved": true}') == "ok"

    assert json.loads(flow.end(arn)["output"]) == {"approved": True}


def test_result_path_and_selector_apply_to_an_answer(workflow: Any) -> None:
    flow = workflow(
        {"Review": review(ResultSelector={"ok.$": "$.approved"}, ResultPath="$.review")}
    )
    arn = flow.start(input='{"order_id": 7}')

    flow.succeed(flow.token(), '{"approved": true, "more": 1}')

    assert json.loads(flow.end(arn)["output"]) == {"order_id": 7, "review": {"ok": True}}


def test_a_second_answer_is_refused_while_the_execution_still_runs(workflow: Any) -> None:
    flow = workflow({"Review": review(Next="Wait"), "Wait": AFTERWARDS})
    _, token = flow.waiting()

    assert flow.succeed(token) == "ok"

    assert flow.succeed(token) == flow.fail(token) == flow.beat(token) == "TaskTimedOut"


def test_a_second_answer_is_refused_after_the_execution_has_ended(workflow: Any) -> None:
    flow = workflow({"Review": review()})
    arn, token = flow.waiting()
    flow.succeed(token)
    flow.end(arn)

    assert flow.succeed(token) == flow.fail(token) == flow.beat(token) == "TaskTimedOut"


def test_of_simultaneous_answers_one_gets_200_and_is_the_one_the_workflow_sees(
    workflow: Any,
) -> None:
    flow = workflow({"Review": review()})
    with ThreadPoolExecutor(4) as pool:
        for _ in range(8):
            arn, token = flow.waiting()
            answers = list(pool.map(lambda n, t=token: flow.succeed(t, str(n)), range(4)))

            assert sorted(answers) == ["TaskTimedOut"] * 3 + ["ok"]
            assert flow.end(arn)["output"] == str(answers.index("ok"))


@pytest.mark.parametrize("clock", [{"TimeoutSeconds": 1}, {"HeartbeatSeconds": 1}])
def test_a_task_that_ran_out_of_time_is_closed_and_fails_the_execution(
    workflow: Any, clock: Any
) -> None:
    flow = workflow({"Review": review(**clock)})
    arn, token = flow.waiting()

    end = flow.end(arn)

    assert (end["status"], end["error"]) == ("FAILED", "States.Timeout")
    assert flow.succeed(token) == "TaskTimedOut"
    (timed_out,) = [event for event in flow.events(arn) if event["type"] == "TaskTimedOut"]
    assert timed_out["taskTimedOutEventDetails"]["error"] == "States.Timeout"


def test_a_caught_timeout_closes_the_token_although_the_execution_goes_on(workflow: Any) -> None:
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "Wait"}]
    flow = workflow({"Review": review(TimeoutSeconds=1, Catch=catch), "Wait": AFTERWARDS})
    _, token = flow.waiting()
    time.sleep(1.2)

    assert flow.succeed(token) == "TaskTimedOut"


def test_an_answer_at_the_last_moment_is_either_refused_or_seen(workflow: Any) -> None:
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


def test_heartbeats_keep_a_task_open_and_stopping_them_ends_it(workflow: Any) -> None:
    flow = workflow({"Review": review(HeartbeatSeconds=1)})
    arn, token = flow.waiting()
    for _ in range(3):
        time.sleep(0.6)
        assert flow.beat(token) == "ok"

    assert flow.end(arn)["error"] == "States.Timeout"
    assert flow.beat(token) == "TaskTimedOut"


def test_a_heartbeat_is_accepted_where_none_is_asked_for(workflow: Any) -> None:
    flow = workflow({"Review": review()})
    arn, token = flow.waiting()

    assert flow.beat(token) == "ok"
    assert flow.succeed(token) == "ok"

    assert flow.end(arn)["status"] == "SUCCEEDED"


def test_a_retry_has_a_new_token_and_the_old_one_is_closed(workflow: Any) -> None:
    retry = [{"ErrorEquals": ["Again"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    flow = workflow({"Review": review(Retry=retry)})
    arn = flow.start()
    first = flow.message()
    flow.fail(first["taskToken"], error="Again")
    second = flow.message()

    assert second["taskToken"] != first["taskToken"]
    assert (first["retryCount"], second["retryCount"]) == (0, 1)
    assert flow.succeed(first["taskToken"]) == "TaskTimedOut"
    assert flow.succeed(second["taskToken"]) == "ok"
    assert flow.end(arn)["status"] == "SUCCEEDED"


def test_a_token_never_issued_is_invalid(workflow: Any) -> None:
    flow = workflow({"Review": review()})

    assert flow.succeed("never") == flow.fail("never") == flow.beat("never") == "InvalidToken"


def test_a_token_is_only_valid_in_its_own_region(workflow: Any, clients: Clients) -> None:
    flow = workflow({"Review": review()})
    _, token = flow.waiting()
    elsewhere = Workflow(Clients(clients.endpoint, "eu-west-1"), flow.arn, flow.queue_url)

    assert elsewhere.succeed(token) == "InvalidToken"
    assert flow.succeed(token) == "ok"


@pytest.mark.parametrize(
    ("output", "refusal"),
    [
        ("approved", "InvalidOutput"),
        ('{"amount": NaN}', "InvalidOutput"),
        ("", "InvalidOutput"),
        (json.dumps("x" * (LIMIT - 1)), "ValidationException"),
        (json.dumps("ä" * (LIMIT // 2), ensure_ascii=False), "ValidationException"),
    ],
)
def test_an_output_that_is_refused_leaves_the_task_open(
    workflow: Any, output: Any, refusal: Any
) -> None:
    flow = workflow({"Review": review()})
    arn, token = flow.waiting()

    assert flow.succeed(token, output) == refusal

    assert flow.succeed(token, json.dumps("x" * (LIMIT - 2))) == "ok"
    assert flow.end(arn)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("given", [{"error": "e" * 257}, {"cause": "c" * 32_769}])
def test_an_error_or_cause_that_is_too_long_leaves_the_task_open(workflow: Any, given: Any) -> None:
    flow = workflow({"Review": review()})
    arn, token = flow.waiting()

    assert flow.fail(token, **given) == "ValidationException"

    assert flow.fail(token, error="e" * 256, cause="c" * 32_768) == "ok"
    assert len(flow.end(arn)["cause"]) == 32_768


def test_an_uncaught_failure_fails_the_execution_with_error_and_cause(workflow: Any) -> None:
    flow = workflow({"Review": review()})
    arn, token = flow.waiting()
    flow.fail(token, error="ReviewRejected", cause="Rejected by ada@example.com: no")

    end = flow.end(arn)

    assert (end["status"], end["error"]) == ("FAILED", "ReviewRejected")
    assert end["cause"] == "Rejected by ada@example.com: no"


def test_a_failure_without_error_and_cause_is_caught_as_nulls(workflow: Any) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Done"}]
    flow = workflow({"Review": review(Catch=catch), "Done": {"Type": "Succeed"}})
    arn, token = flow.waiting()
    flow.fail(token)

    assert json.loads(flow.end(arn)["output"]) == {"Error": None, "Cause": None}


def test_stopping_an_execution_aborts_it_at_once_and_closes_its_token(
    workflow: Any, clients: Clients
) -> None:
    flow = workflow({"Review": review()})
    arn, token = flow.waiting()
    clients("stepfunctions").stop_execution(executionArn=arn, error="Cancelled", cause="by hand")

    described = clients("stepfunctions").describe_execution(executionArn=arn)

    assert described["status"] == "ABORTED"
    assert (described["error"], described["cause"]) == ("Cancelled", "by hand")
    assert flow.succeed(token) == "TaskTimedOut"
    kinds = [event["type"] for event in flow.events(arn)]
    assert kinds[-3:] == ["TaskSubmitted", "TaskStateAborted", "ExecutionAborted"]


def test_the_failure_of_a_sibling_branch_closes_the_token(workflow: Any) -> None:
    branches = [
        {"StartAt": "Review", "States": {"Review": review()}},
        {
            "StartAt": "Pause",
            "States": {
                "Pause": {"Type": "Wait", "Seconds": 1, "Next": "Break"},
                "Break": {"Type": "Fail", "Error": "Broken"},
            },
        },
    ]
    flow = workflow({"Both": {"Type": "Parallel", "Branches": branches, "End": True}})
    arn, token = flow.waiting()

    assert flow.end(arn)["error"] == "Broken"
    assert flow.succeed(token) == "TaskTimedOut"
    assert "TaskStateAborted" in [event["type"] for event in flow.events(arn)]


def test_the_timeout_of_the_whole_workflow_closes_the_token(workflow: Any) -> None:
    flow = workflow({"Review": review()}, TimeoutSeconds=1)
    arn, token = flow.waiting()

    end = flow.end(arn)

    assert end["status"] == "TIMED_OUT"
    assert end["stopDate"] >= end["startDate"]
    assert not {"error", "cause", "output"} & end.keys()
    assert flow.succeed(token) == "TaskTimedOut"


def test_each_item_of_a_map_waits_for_a_token_of_its_own(workflow: Any) -> None:
    item = review(
        Parameters={
            "QueueUrl": "QUEUE_URL",
            "MessageBody": {"taskToken.$": "$$.Task.Token", "itemIndex.$": "$$.Map.Item.Index"},
        }
    )
    each = {
        "Type": "Map",
        "ItemsPath": "$.orders",
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "INLINE"},
            "StartAt": "Review",
            "States": {"Review": item},
        },
        "End": True,
    }
    flow = workflow({"Each": each})
    arn = flow.start(input='{"orders": [5, 6, 7]}')
    for _ in range(3):
        message = flow.message()
        assert flow.succeed(message["taskToken"], str(message["itemIndex"])) == "ok"

    assert flow.end(arn)["output"] == "[0,1,2]"


def test_the_history_proves_which_answer_closed_which_token(workflow: Any) -> None:
    flow = workflow({"Review": review(TimeoutSeconds=60)})
    arn = flow.start()
    message = flow.message()
    flow.succeed(message["taskToken"], '{"decision_id": "d-1"}')
    flow.end(arn)

    events = {event["type"]: event for event in flow.events(arn)}

    scheduled = events["TaskScheduled"]["taskScheduledEventDetails"]
    sent = json.loads(scheduled["parameters"])["MessageBody"]
    assert sent["taskToken"] == message["taskToken"]
    assert scheduled["timeoutInSeconds"] == 60
    submitted = json.loads(events["TaskSubmitted"]["taskSubmittedEventDetails"]["output"])
    assert submitted["MessageId"] == message["MessageId"]
    succeeded = events["TaskSucceeded"]["taskSucceededEventDetails"]
    assert json.loads(succeeded["output"]) == {"decision_id": "d-1"}
    chain = ["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]
    for before, after in zip(chain, [*chain[1:], "TaskStateExited"], strict=True):
        assert events[after]["previousEventId"] == events[before]["id"]
