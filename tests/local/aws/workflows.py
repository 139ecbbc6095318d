"""Workflows of the local account for tests: clients, a state machine with its queue, states."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conditions import wait_until

PASS: dict[str, Any] = {"Type": "Pass", "End": True}
DONE: dict[str, Any] = {"Type": "Pass", "Result": "done", "End": True}
LONG_WAIT: dict[str, Any] = {"Type": "Wait", "Seconds": 600, "End": True}
ROLE = "arn:aws:iam::123456789012:role/local"


@dataclass
class Clients:
    """boto3's clients of one region, made once: the slowest part of each test otherwise."""

    endpoint: str
    region: str = "us-east-1"

    def __call__(self, service: str) -> Any:
        """Return the client of a service such as `sqs`."""
        made = self.__dict__.get(service)
        if made is None:
            session: Any = boto3.session.Session()
            made = self.__dict__[service] = session.client(
                service,
                endpoint_url=self.endpoint,
                region_name=self.region,
                aws_access_key_id="local",
                aws_secret_access_key="local",
                config=Config(max_pool_connections=16, retries={"total_max_attempts": 1}),
            )
        return made


@dataclass
class Workflow:
    """A state machine with a queue of its own, and the calls that tests make about both."""

    clients: Clients
    arn: str
    queue_url: str

    @classmethod
    def create(
        cls, clients: Clients, states: dict[str, Any], kind: str, machine: dict[str, Any]
    ) -> Workflow:
        """Create the state machine; the first state is the one it starts at."""
        name = f"t-{uuid.uuid4()}"
        queue_url = clients("sqs").create_queue(QueueName=name)["QueueUrl"]
        definition = json.dumps({"StartAt": next(iter(states)), "States": states, **machine})
        arn = clients("stepfunctions").create_state_machine(
            name=name,
            type=kind,
            roleArn=ROLE,
            definition=definition.replace("QUEUE_URL", queue_url),
        )["stateMachineArn"]
        return cls(clients, arn, queue_url)

    def start(self, **given: Any) -> str:
        """Start an execution and return its ARN."""
        answer = self.clients("stepfunctions").start_execution(stateMachineArn=self.arn, **given)
        return str(answer["executionArn"])

    def message(self) -> dict[str, Any]:
        """The next message of the queue, with the SQS id among its fields."""
        got = self.clients("sqs").receive_message(QueueUrl=self.queue_url, WaitTimeSeconds=20)
        (message,) = got["Messages"]
        return {**json.loads(message["Body"]), "MessageId": message["MessageId"]}

    def token(self) -> str:
        """The task token in the next message of the queue."""
        return str(self.message()["taskToken"])

    def waiting(self) -> tuple[str, str]:
        """Start an execution and return its ARN and the token it waits for."""
        return self.start(), self.token()

    def description(self, arn: str) -> dict[str, Any]:
        """The response of DescribeExecution."""
        return dict(self.clients("stepfunctions").describe_execution(executionArn=arn))

    def end(self, arn: str) -> dict[str, Any]:
        """The response of DescribeExecution once the execution has ended."""
        return ended(self.clients, arn)

    def events(self, arn: str, **options: Any) -> list[dict[str, Any]]:
        """The events of an execution, all pages of them."""
        pages = self.clients("stepfunctions").get_paginator("get_execution_history")
        return [
            event
            for page in pages.paginate(executionArn=arn, **options)
            for event in page["events"]
        ]

    def entered(self, arn: str) -> list[str]:
        """The names of the states that an execution entered, in order."""
        return [
            event["stateEnteredEventDetails"]["name"]
            for event in self.events(arn)
            if "stateEnteredEventDetails" in event
        ]

    def redrive(self, arn: str) -> None:
        """Redrive an execution."""
        self.clients("stepfunctions").redrive_execution(executionArn=arn)

    def succeed(self, token: str, output: str = "{}") -> str:
        """Call SendTaskSuccess; returns `ok` or the code of the error, as the next two do."""
        return self._call("send_task_success", taskToken=token, output=output)

    def fail(self, token: str, **given: str) -> str:
        """Call SendTaskFailure."""
        return self._call("send_task_failure", taskToken=token, **given)

    def beat(self, token: str) -> str:
        """Call SendTaskHeartbeat."""
        return self._call("send_task_heartbeat", taskToken=token)

    def _call(self, call: str, **given: Any) -> str:
        try:
            getattr(self.clients("stepfunctions"), call)(**given)
        except ClientError as refused:
            return str(refused.response["Error"]["Code"])
        return "ok"


# What the fixture `workflow` returns: states, and by name `kind` and fields of the definition.
MakeWorkflow = Callable[..., Workflow]


def ended(clients: Clients, arn: str) -> dict[str, Any]:
    """Wait until an execution has ended; returns the response of DescribeExecution."""

    def look() -> dict[str, Any] | None:
        described: dict[str, Any] = clients("stepfunctions").describe_execution(executionArn=arn)
        return described if described["status"] != "RUNNING" else None

    return wait_until(look, what=f"the end of {arn}")


def review(**more: Any) -> dict[str, Any]:
    """A state that puts a message on the queue and waits for the answer to its token."""
    onward = {} if "Next" in more else {"End": True}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {
            "QueueUrl": "QUEUE_URL",
            "MessageBody": {
                "taskToken.$": "$$.Task.Token",
                "executionArn.$": "$$.Execution.Id",
                "retryCount.$": "$$.State.RetryCount",
                "redriveCount.$": "$$.Execution.RedriveCount",
                "enteredTime.$": "$$.State.EnteredTime",
                "stateName.$": "$$.State.Name",
            },
        },
        **onward,
        **more,
    }


def refusal(call: Callable[..., Any], **given: Any) -> str:
    """Make a call that must be refused; returns the code of the error."""
    with pytest.raises(ClientError) as refused:
        call(**given)
    return str(refused.value.response["Error"]["Code"])
