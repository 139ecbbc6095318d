"""Status events as EventBridge sends them."""

from __future__ import annotations

import json
import time

from tests.fake_aws.clients import OUTPUT, FakeAccount


def test_status_events_are_those_of_eventbridge(fake: FakeAccount) -> None:
    """Times in milliseconds since the epoch; repeated and out of order where the rule says so."""
    rule = fake.aws.create_queue("status")
    fake.aws.machine(
        review_queue_url=fake.queue, status_queue_url=rule, status_copies=3, status_reorder=True
    )
    arn, token = fake.order()
    fake.sfn.send_task_success(taskToken=token, output=OUTPUT)
    got = fake.sqs.receive_message(QueueUrl=rule, MaxNumberOfMessages=10)["Messages"]
    events = [json.loads(message["Body"]) for message in got]
    statuses = [event["detail"]["status"] for event in events]
    assert sorted(statuses) == ["RUNNING"] * 3 + ["SUCCEEDED"] * 3
    assert statuses != sorted(statuses)
    assert len({event["id"] for event in events}) == 2
    last = next(event for event in events if event["detail"]["status"] == "SUCCEEDED")
    assert (last["source"], last["detail"]["executionArn"]) == ("aws.states", arn)
    assert last["detail"]["output"] == OUTPUT
    assert abs(last["detail"]["stopDate"] / 1000 - time.time()) < 60
