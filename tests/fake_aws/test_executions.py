"""Executions and their tokens: what closes a token, and the events that follow."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fake_aws import fingerprint
from tests.fake_aws.clients import DECISION, OUTPUT, FakeAccount, chain, refusal


def test_a_token_ends_once(fake: FakeAccount) -> None:
    """API reference, SendTaskSuccess: a second use is TaskTimedOut, even with the same bytes."""
    arn, token = fake.order()
    fake.sfn.send_task_success(taskToken=token, output=OUTPUT)
    with pytest.raises(
        fake.sfn.exceptions.TaskTimedOut, match="'Provided task does not exist anymore'"
    ):
        fake.sfn.send_task_success(taskToken=token, output=OUTPUT)
    assert refusal(fake.sfn.send_task_failure, taskToken=token) == "TaskTimedOut"
    assert refusal(fake.sfn.send_task_heartbeat, taskToken=token) == "TaskTimedOut"
    assert fake.status(arn) == "SUCCEEDED"
    assert fake.aws.log.winner(token) == DECISION


def test_of_thirty_two_callers_at_once_one_wins(fake: FakeAccount) -> None:
    """Of simultaneous first calls exactly one gets HTTP 200."""
    _, token = fake.order()
    start = threading.Barrier(32)

    def race(number: int) -> str:
        start.wait()
        return refusal(fake.sfn.send_task_success, taskToken=token, output=f'{{"n": {number}}}')

    with ThreadPoolExecutor(32) as pool:
        codes = list(pool.map(race, range(32)))
    assert sorted(codes) == [""] + ["TaskTimedOut"] * 31
    assert len([call for call in fake.aws.log.calls(token=token) if call["applied"]]) == 1
    assert fake.aws.log.closed_more_than_once() == []
    assert fake.aws.log.tokens_sent_with_other_bytes() == [fingerprint(token)]


def test_a_history_is_the_recorded_one(fake: FakeAccount) -> None:
    """The events of a callback task as recorded on AWS, with the token and the MessageId in them."""
    arn, token = fake.order()
    message = fake.receive()[0]
    fake.sfn.send_task_success(taskToken=token, output=OUTPUT)
    events = fake.events(arn)
    assert [(event["id"], event["previousEventId"], event["type"]) for event in events] == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "TaskStateEntered"),
        (3, 2, "TaskScheduled"),
        (4, 3, "TaskStarted"),
        (5, 4, "TaskSubmitted"),
        (6, 5, "TaskSucceeded"),
        (7, 6, "TaskStateExited"),
        (8, 7, "ExecutionSucceeded"),
    ]
    scheduled = events[2]["taskScheduledEventDetails"]
    assert json.loads(scheduled["parameters"])["MessageBody"]["taskToken"] == token
    assert (scheduled["region"], scheduled["timeoutInSeconds"]) == ("eu-west-1", 86_400)
    submitted = json.loads(events[4]["taskSubmittedEventDetails"]["output"])
    assert submitted["MessageId"] == message["MessageId"]
    assert submitted["MD5OfMessageBody"] == message["MD5OfBody"]
    assert events[5]["taskSucceededEventDetails"]["output"] == OUTPUT


def test_the_message_is_the_full_one(fake: FakeAccount) -> None:
    """schemaVersion, token, execution, state, counts, timeout, error and input."""
    arn, _ = fake.order("o-1", item_index=3)
    body = json.loads(fake.receive()[1]["Body"])
    assert {
        key: body[key] for key in ("schemaVersion", "orderId", "executionArn", "stateName")
    } == {
        "schemaVersion": "1",
        "orderId": "o-1",
        "executionArn": arn,
        "stateName": "ManualReview",
    }
    assert (body["itemIndex"], body["timeoutSeconds"], body["redriveCount"]) == (3, 86_400, 0)
    assert body["error"]["Error"] == "PaymentDeclined"
    assert body["input"] == {"order_id": "o-1"}


def test_parallel_branches_interleave_and_each_chain_holds(fake: FakeAccount) -> None:
    """Only previousEventId connects the events of a branch: in the list, branches interleave."""
    fake.aws.machine(review_queue_url="")
    arn = fake.aws.start(fake.machine, "o-1")
    branches = [{"queue_url": fake.queue, "item_index": index} for index in range(3)]
    one, two, three = fake.aws.open_tasks(arn, branches, padding=12)
    fake.sfn.send_task_success(taskToken=two, output=OUTPUT)
    fake.sfn.send_task_success(taskToken=one, output="{}")
    assert fake.status(arn) == "RUNNING"
    fake.sfn.send_task_success(taskToken=three, output="{}")
    assert fake.status(arn) == "SUCCEEDED"
    events = fake.events(arn)
    places = [event["id"] for event in events if event["type"] == "TaskSubmitted"]
    chains = [event["previousEventId"] for event in events if event["type"] == "TaskSubmitted"]
    assert all(place - before > 2 for place, before in zip(places, chains, strict=True))
    ended = ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded", "TaskStateExited"]
    assert chain(events, two) == ended
    rest = ["ParallelStateSucceeded", "ParallelStateExited", "ExecutionSucceeded"]
    assert chain(events, three) == ended + rest


def test_an_uncaught_failure_aborts_the_other_branches(fake: FakeAccount) -> None:
    """The history has TaskStateAborted for each task that was open."""
    fake.aws.machine(review_queue_url="")
    arn = fake.aws.start(fake.machine, "o-1")
    one, two = fake.aws.open_tasks(arn, [{"queue_url": fake.queue}] * 2)
    cause = f"Rejected by bob: no [decision {DECISION}]"
    fake.sfn.send_task_failure(taskToken=one, error="ReviewRejected", cause=cause)
    described = fake.sfn.describe_execution(executionArn=arn)
    assert (described["status"], described["error"]) == ("FAILED", "ReviewRejected")
    assert refusal(fake.sfn.send_task_success, taskToken=two, output="{}") == "TaskTimedOut"
    assert chain(fake.events(arn), two)[-1] == "TaskStateAborted"
    assert fake.aws.log.winner(one) == DECISION
    assert fake.aws.log.effect_of(two)["by"] == "execution_end"


def test_a_caught_failure_lets_the_execution_go_on(fake: FakeAccount) -> None:
    """With a Catch a rejection does not fail the execution."""
    arn, first = fake.order()
    second = fake.aws.open_task(arn, catch=True)
    fake.sfn.send_task_failure(taskToken=second, error="ReviewRejected", cause="no")
    assert fake.status(arn) == "RUNNING"
    fake.sfn.send_task_success(taskToken=first, output="{}")
    assert fake.status(arn) == "SUCCEEDED"


def test_a_failure_without_words_has_neither_key(fake: FakeAccount) -> None:
    """As recorded on AWS: without error and cause the event has neither field."""
    arn, token = fake.order()
    fake.sfn.send_task_failure(taskToken=token)
    failed = next(event for event in fake.events(arn) if event["type"] == "TaskFailed")
    assert set(failed["taskFailedEventDetails"]) == {"resource", "resourceType"}


def test_a_stop_kills_the_tokens(fake: FakeAccount) -> None:
    """API reference, StopExecution: the status is ABORTED and the tokens are closed."""
    arn, token = fake.order()
    first = fake.sfn.stop_execution(executionArn=arn, error="Operator", cause="why")["stopDate"]
    assert fake.status(arn) == "ABORTED"
    assert refusal(fake.sfn.send_task_success, taskToken=token, output="{}") == "TaskTimedOut"
    assert fake.types(arn)[-1] == "ExecutionAborted"
    assert fake.sfn.stop_execution(executionArn=arn)["stopDate"] == first
    assert fake.aws.log.effect_of(token)["by"] == "abort"


def test_a_redrive_gives_a_new_token_under_the_same_arn(fake: FakeAccount) -> None:
    """API reference, RedriveExecution: idempotent by clientToken, not for what succeeded, 14 days."""
    arn, token = fake.order()
    fake.aws.abort(arn)
    when = fake.sfn.redrive_execution(executionArn=arn, clientToken="c-1")["redriveDate"]
    assert fake.sfn.redrive_execution(executionArn=arn, clientToken="c-1")["redriveDate"] == when
    body = json.loads(fake.receive()[-1]["Body"])
    assert body["taskToken"] != token
    assert (body["redriveCount"], body["retryCount"]) == (1, 0)
    assert "ExecutionRedriven" in fake.types(arn)
    fake.sfn.send_task_success(taskToken=body["taskToken"], output="{}")
    assert refusal(fake.sfn.redrive_execution, executionArn=arn) == "ExecutionNotRedrivable"
    other, _ = fake.order("o-2")
    fake.aws.abort(other)
    fake.aws.advance(15 * 86_400)
    assert refusal(fake.sfn.redrive_execution, executionArn=other) == "ExecutionNotRedrivable"


def test_another_party_may_win(fake: FakeAccount) -> None:
    """The history then has an answer without our decision_id."""
    arn, token = fake.order()
    fake.aws.answer(token, output='{"by": "hand"}')
    assert refusal(fake.sfn.send_task_success, taskToken=token, output=OUTPUT) == "TaskTimedOut"
    effect = fake.aws.log.effect_of(token)
    assert (effect["by"], effect.get("decision_id")) == ("other_party", None)
    assert DECISION not in json.dumps(fake.events(arn), default=str)


def test_an_execution_that_timed_out_tells_no_error(fake: FakeAccount) -> None:
    """On TIMED_OUT, error and cause are absent and the tokens are closed."""
    arn, token = fake.order()
    fake.aws.end(arn, "TIMED_OUT")
    described = fake.sfn.describe_execution(executionArn=arn)
    assert described["status"] == "TIMED_OUT"
    assert {"error", "cause", "output"}.isdisjoint(described)
    assert refusal(fake.sfn.send_task_heartbeat, taskToken=token) == "TaskTimedOut"
