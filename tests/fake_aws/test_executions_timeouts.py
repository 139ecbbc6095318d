"""Timeouts, heartbeats and retries of a task."""

from __future__ import annotations

import json

from tests.fake_aws.clients import OUTPUT, FakeAccount, chain, refusal


def test_a_timeout_fails_the_execution_unless_it_is_caught(fake: FakeAccount) -> None:
    """As recorded on AWS: the error is States.Timeout, and without a Catch nothing exits the state."""
    arn, token = fake.order("o-1", timeout_seconds=60)
    caught, other = fake.order("o-2", timeout_seconds=60, catch=True)
    fake.aws.advance(61)
    assert refusal(fake.sfn.send_task_success, taskToken=token, output="{}") == "TaskTimedOut"
    assert refusal(fake.sfn.send_task_success, taskToken=other, output="{}") == "TaskTimedOut"
    assert (fake.status(arn), fake.status(caught)) == ("FAILED", "RUNNING")
    timed_out = next(event for event in fake.events(arn) if event["type"] == "TaskTimedOut")
    assert timed_out["taskTimedOutEventDetails"]["error"] == "States.Timeout"
    assert fake.aws.log.effect_of(token)["by"] == "timeout"


def test_a_timeout_with_a_retry_sends_a_new_message_by_itself(fake: FakeAccount) -> None:
    """A Retry schedules the task again, as often as it may."""
    fake.aws.machine(review_queue_url=fake.queue, timeout_seconds=60, retries=2)
    arn, _ = fake.order()
    counts = []
    for _ in range(4):
        came = fake.receive(VisibilityTimeout=1000)
        counts += [json.loads(message["Body"])["retryCount"] for message in came]
        fake.aws.advance(61)
    assert counts == [0, 1, 2]
    assert fake.status(arn) == "FAILED"


def test_a_heartbeat_moves_its_own_clock_only(fake: FakeAccount) -> None:
    """HeartbeatSeconds starts anew, TimeoutSeconds does not; a missed heartbeat is States.Timeout too."""
    _, token = fake.order("o-1", timeout_seconds=100, heartbeat_seconds=20)
    for _ in range(4):
        fake.aws.advance(15)
        fake.sfn.send_task_heartbeat(taskToken=token)
    fake.aws.advance(21)
    assert refusal(fake.sfn.send_task_heartbeat, taskToken=token) == "TaskTimedOut"
    assert fake.aws.log.effect_of(token)["by"] == "heartbeat"
    _, token = fake.order("o-2", timeout_seconds=30, heartbeat_seconds=20)
    fake.aws.advance(15)
    fake.sfn.send_task_heartbeat(taskToken=token)
    fake.aws.advance(16)
    assert refusal(fake.sfn.send_task_heartbeat, taskToken=token) == "TaskTimedOut"
    assert fake.aws.log.effect_of(token)["by"] == "timeout"


def test_a_retry_brings_a_new_token_on_the_same_chain(fake: FakeAccount) -> None:
    """A new token and a second message; the old token is closed."""
    arn, old = fake.order()
    new = fake.aws.retry(old)
    assert refusal(fake.sfn.send_task_success, taskToken=old, output="{}") == "TaskTimedOut"
    bodies = [json.loads(message["Body"]) for message in fake.receive()]
    assert [(body["taskToken"], body["retryCount"]) for body in bodies] == [(old, 0), (new, 1)]
    fake.sfn.send_task_success(taskToken=new, output=OUTPUT)
    whole = ["TaskScheduled", "TaskStarted", "TaskSubmitted"]
    end = ["TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"]
    assert chain(fake.events(arn), new) == whole + end
    assert chain(fake.events(arn), old) == [*whole, "TaskTimedOut", *whole, *end]
