"""One local AWS account for the session, and the clients, queues and workflows of its tests."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local import aws as local_aws


@pytest.fixture(scope="session")
def aws() -> Iterator[local_aws.Account]:
    account = local_aws.start()
    yield account
    account.stop()


@dataclass
class Clients:
    """boto3's clients of one region, made once: the slowest part of each test otherwise."""

    endpoint: str
    region: str = "us-east-1"

    def __call__(self, service: str) -> Any:
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


@pytest.fixture(scope="session")
def clients(aws: local_aws.Account) -> Clients:
    return Clients(aws.endpoint)


@dataclass
class Workflow:
    """A state machine with a queue of its own, and the calls that tests make about both."""

    clients: Clients
    arn: str
    queue_url: str

    def start(self, **given: Any) -> str:
        answer = self.clients("stepfunctions").start_execution(stateMachineArn=self.arn, **given)
        return str(answer["executionArn"])

    def message(self) -> dict[str, Any]:
        """The next message of the queue, with the SQS id among its fields."""
        got = self.clients("sqs").receive_message(QueueUrl=self.queue_url, WaitTimeSeconds=5)
        (message,) = got["Messages"]
        return {**json.loads(message["Body"]), "MessageId": message["MessageId"]}

    def token(self) -> str:
        return str(self.message()["taskToken"])

    def waiting(self) -> tuple[str, str]:
        """Start an execution and return its ARN and the token it waits for."""
        return self.start(), self.token()

    def end(self, arn: str) -> dict[str, Any]:
        """Return the response of DescribeExecution once the execution has ended."""
        for _ in range(1500):
            described: dict[str, Any] = self.clients("stepfunctions").describe_execution(
                executionArn=arn
            )
            if described["status"] != "RUNNING":
                return described
            time.sleep(0.02)
        raise AssertionError(f"{arn} is still running")

    def events(self, arn: str, **options: Any) -> list[dict[str, Any]]:
        pages = self.clients("stepfunctions").get_paginator("get_execution_history")
        return [
            event
            for page in pages.paginate(executionArn=arn, **options)
            for event in page["events"]
        ]

    def succeed(self, token: str, output: str = "{}") -> str:
        return self._ask("send_task_success", taskToken=token, output=output)

    def fail(self, token: str, **given: str) -> str:
        return self._ask("send_task_failure", taskToken=token, **given)

    def beat(self, token: str) -> str:
        return self._ask("send_task_heartbeat", taskToken=token)

    def _ask(self, call: str, **given: Any) -> str:
        """`ok`, or the code of the error."""
        try:
            getattr(self.clients("stepfunctions"), call)(**given)
        except ClientError as refused:
            return str(refused.response["Error"]["Code"])
        return "ok"


@pytest.fixture
def workflow(clients: Clients):
    """Make a workflow of the given states; `review()` is the one that waits."""

    def make(states: dict[str, Any], *, kind: str = "STANDARD", **machine: Any) -> Workflow:
        name = f"t-{uuid.uuid4()}"
        queue_url = clients("sqs").create_queue(QueueName=name)["QueueUrl"]
        definition = json.dumps({"StartAt": next(iter(states)), "States": states, **machine})
        arn = clients("stepfunctions").create_state_machine(
            name=name,
            type=kind,
            roleArn="arn:aws:iam::123456789012:role/local",
            definition=definition.replace("QUEUE_URL", queue_url),
        )["stateMachineArn"]
        return Workflow(clients, arn, queue_url)

    return make


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
