"""Task tokens, against what AWS documents and plain moto does not do."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.local.aws.workflows import (
    LONG_WAIT,
    Clients,
    MakeWorkflow,
    Workflow,
    review,
)


def test_an_answer_becomes_the_output_of_the_task(workflow: MakeWorkflow) -> None:
    flow = workflow({"Review": review()})
    arn, token = flow.waiting()

    assert flow.succeed(token, '{"approved": true}') == "ok"

    assert json.loads(flow.end(arn)["output"]) == {"approved": True}


def test_a_second_answer_is_refused_while_the_execution_still_runs(workflow: MakeWorkflow) -> None:
    flow = workflow({"Review": review(Next="Wait"), "Wait": LONG_WAIT})
    _, token = flow.waiting()

    assert flow.succeed(token) == "ok"

    assert flow.succeed(token) == flow.fail(token) == flow.beat(token) == "TaskTimedOut"


def test_a_second_answer_is_refused_after_the_execution_has_ended(workflow: MakeWorkflow) -> None:
    flow = workflow({"Review": review()})
    arn, token = flow.waiting()
    flow.succeed(token)
    flow.end(arn)

    assert flow.succeed(token) == flow.fail(token) == flow.beat(token) == "TaskTimedOut"


def test_of_simultaneous_answers_one_gets_200_and_is_the_one_the_workflow_sees(
    workflow: MakeWorkflow,
) -> None:
    flow = workflow({"Review": review()})
    with ThreadPoolExecutor(4) as pool:
        for _ in range(8):
            arn, token = flow.waiting()
            answers = list(pool.map(lambda n, t=token: flow.succeed(t, str(n)), range(4)))

            assert sorted(answers) == ["TaskTimedOut"] * 3 + ["ok"]
            assert flow.end(arn)["output"] == str(answers.index("ok"))


def test_a_retry_has_a_new_token_and_the_old_one_is_closed(workflow: MakeWorkflow) -> None:
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


def test_a_token_never_issued_is_invalid(workflow: MakeWorkflow) -> None:
    flow = workflow({"Review": review()})

    assert flow.succeed("never") == flow.fail("never") == flow.beat("never") == "InvalidToken"


def test_a_token_is_only_valid_in_its_own_region(workflow: MakeWorkflow, clients: Clients) -> None:
    flow = workflow({"Review": review()})
    _, token = flow.waiting()
    elsewhere = Workflow(Clients(clients.endpoint, "eu-west-1"), flow.arn, flow.queue_url)

    assert elsewhere.succeed(token) == "InvalidToken"
    assert flow.succeed(token) == "ok"


@pytest.mark.parametrize("output", ["approved", '{"amount": NaN}', ""])
def test_an_output_that_is_no_json_leaves_the_task_open(
    workflow: MakeWorkflow, output: str
) -> None:
    flow = workflow({"Review": review()})
    arn, token = flow.waiting()

    assert flow.succeed(token, output) == "InvalidOutput"

    assert flow.succeed(token) == "ok"
    assert flow.end(arn)["status"] == "SUCCEEDED"


def test_an_uncaught_failure_fails_the_execution_with_error_and_cause(
    workflow: MakeWorkflow,
) -> None:
    flow = workflow({"Review": review()})
    arn, token = flow.waiting()
    flow.fail(token, error="ReviewRejected", cause="Rejected by ada@example.com: no")

    end = flow.end(arn)

    assert (end["status"], end["error"]) == ("FAILED", "ReviewRejected")
    assert end["cause"] == "Rejected by ada@example.com: no"


def test_a_failure_without_error_and_cause_is_caught_as_nulls(workflow: MakeWorkflow) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Done"}]
    flow = workflow({"Review": review(Catch=catch), "Done": {"Type": "Succeed"}})
    arn, token = flow.waiting()
    flow.fail(token)

    assert json.loads(flow.end(arn)["output"]) == {"Error": None, "Cause": None}


def test_the_history_proves_which_answer_closed_which_token(workflow: MakeWorkflow) -> None:
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
