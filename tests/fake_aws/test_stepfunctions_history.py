"""GetExecutionHistory: pages, delays, and histories that are hidden or gone."""

from __future__ import annotations

import json

from tests.fake_aws.clients import OUTPUT, FakeAccount, chain, refusal


def test_a_long_history_is_paged_both_ways(fake: FakeAccount) -> None:
    """API reference, GetExecutionHistory: at most 1000 a page, reverseOrder, nextToken."""
    fake.aws.machine(review_queue_url=fake.queue, padding=1200)
    arn, token = fake.order()
    fake.aws.pad(arn, 400)
    fake.sfn.send_task_success(taskToken=token, output=OUTPUT)
    forward = fake.events(arn, maxResults=1000)
    assert [event["id"] for event in forward] == list(range(1, len(forward) + 1))
    assert len(forward) == 1608
    first = fake.sfn.get_execution_history(executionArn=arn, maxResults=1000, reverseOrder=True)
    assert [event["id"] for event in first["events"]] == list(range(1608, 608, -1))
    fake.aws.pad(arn, 10)  # a history that grows between two pages moves none of them
    more = {"executionArn": arn, "nextToken": first["nextToken"]}
    rest = fake.sfn.get_execution_history(**more, maxResults=1000, reverseOrder=True)
    assert [event["id"] for event in rest["events"]] == list(range(608, 0, -1))
    assert "nextToken" not in rest
    # the token belongs to the question it came with
    assert refusal(fake.sfn.get_execution_history, **more) == "InvalidToken"
    assert chain(forward, token)[3:] == ["TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"]


def test_a_history_can_leave_the_data_out(fake: FakeAccount) -> None:
    """API reference, GetExecutionHistory: includeExecutionData."""
    arn, token = fake.order()
    fake.sfn.send_task_success(taskToken=token, output=OUTPUT)
    events = fake.events(arn, includeExecutionData=False)
    assert OUTPUT not in json.dumps(events, default=str)


def test_new_events_may_lag(fake: FakeAccount) -> None:
    """AWS promises nothing about when GetExecutionHistory shows a new event."""
    arn, token = fake.order()
    fake.aws.lag_history(reads=2, execution=arn)
    fake.sfn.send_task_success(taskToken=token, output=OUTPUT)
    ends = [fake.types(arn)[-1] for _ in range(3)]
    assert ends == ["TaskSubmitted", "TaskSubmitted", "ExecutionSucceeded"]
    fake.aws.lag_history(seconds=30)
    other, _ = fake.order("o-2")
    assert fake.types(other) == []
    fake.aws.advance(31)
    assert fake.types(other)[-1] == "TaskSubmitted"


def test_a_history_may_be_hidden_or_gone(fake: FakeAccount) -> None:
    """AccessDenied; ExecutionDoesNotExist; the tokens of what is gone are closed."""
    arn, token = fake.order()
    fake.aws.hide_history(arn)
    assert refusal(fake.sfn.get_execution_history, executionArn=arn) == "AccessDeniedException"
    fake.aws.hide_history(arn, False)
    assert fake.types(arn)
    fake.aws.forget(arn)
    assert refusal(fake.sfn.get_execution_history, executionArn=arn) == "ExecutionDoesNotExist"
    assert refusal(fake.sfn.send_task_success, taskToken=token, output="{}") == "TaskTimedOut"
