"""Events "Step Functions Execution Status Change" of EventBridge."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.local.aws.workflows import (
    PASS,
    Clients,
    MakeWorkflow,
    review,
)

Receive = Callable[[int], list[dict[str, Any]]]
Subscribe = Callable[..., Receive]


@pytest.fixture
def status_events(clients: Clients) -> Subscribe:
    """Let the status events of these machines arrive in a queue; return what receives `count`."""

    def subscribe(*machines: str) -> Receive:
        name = f"status-{uuid.uuid4()}"
        queue_url = clients("sqs").create_queue(QueueName=name)["QueueUrl"]
        queue_arn = clients("sqs").get_queue_attributes(
            QueueUrl=queue_url, AttributeNames=["QueueArn"]
        )["Attributes"]["QueueArn"]
        pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": machines}}
        clients("events").put_rule(Name=name, EventPattern=json.dumps(pattern))
        clients("events").put_targets(Rule=name, Targets=[{"Id": "q", "Arn": queue_arn}])

        def receive(count: int) -> list[dict[str, Any]]:
            seen: list[dict[str, Any]] = []
            while len(seen) < count:
                got = clients("sqs").receive_message(QueueUrl=queue_url, WaitTimeSeconds=20)
                seen += [json.loads(message["Body"]) for message in got["Messages"]]
            return seen

        return receive

    return subscribe


def test_a_redrive_is_announced_with_its_count_and_version(
    workflow: MakeWorkflow, clients: Clients, status_events: Subscribe
) -> None:
    """EventBridge, "Step Functions Execution Status Change": redriveCount, redriveDate, version."""
    flow = workflow({"Review": review()})
    receive = status_events(flow.arn)
    sfn = clients("stepfunctions")
    version = sfn.publish_state_machine_version(stateMachineArn=flow.arn)["stateMachineVersionArn"]
    arn = sfn.start_execution(stateMachineArn=version)["executionArn"]
    flow.fail(flow.token(), error="ReviewRejected", cause="no")
    flow.end(arn)
    receive(2)

    sfn.redrive_execution(executionArn=arn)
    flow.succeed(flow.token())

    details = {event["detail"]["status"]: event["detail"] for event in receive(2)}
    assert details.keys() == {"RUNNING", "SUCCEEDED"}
    assert {each["redriveCount"] for each in details.values()} == {1}
    assert {each["stateMachineVersionArn"] for each in details.values()} == {version}
    assert details["RUNNING"]["redriveDate"] > details["RUNNING"]["startDate"]


def test_an_express_workflow_announces_nothing(
    workflow: MakeWorkflow, status_events: Subscribe
) -> None:
    """Developer guide, "Automating event delivery": status events are of Standard workflows."""
    express, standard = workflow({"Pass": PASS}, kind="EXPRESS"), workflow({"Pass": PASS})
    receive = status_events(express.arn, standard.arn)

    express.end(express.start())
    standard.end(standard.start())

    assert {event["detail"]["stateMachineArn"] for event in receive(2)} == {standard.arn}


def test_the_default_bus_carries_each_change_of_status(
    workflow: MakeWorkflow, status_events: Subscribe
) -> None:
    flow = workflow({"Review": review()})
    receive = status_events(flow.arn)

    arn = flow.start(input='{"order_id": 7}')
    flow.fail(flow.token(), error="ReviewRejected", cause="no")
    flow.end(arn)

    seen = receive(2)
    details = {event["detail"]["status"]: event["detail"] for event in seen}
    assert seen[0]["detail-type"] == "Step Functions Execution Status Change"
    assert details.keys() == {"RUNNING", "FAILED"}
    assert details["FAILED"]["executionArn"] == arn
    assert (details["FAILED"]["error"], details["FAILED"]["cause"]) == ("ReviewRejected", "no")
    assert details["FAILED"]["input"] == '{"order_id": 7}'
    assert details["RUNNING"]["stopDate"] is None
    assert details["FAILED"]["stopDate"] > 1_600_000_000_000
