"""The local AWS account behind the gateways: `account` gives queues that a test fills itself."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from approvals.gateways import aws
from local import aws as local_aws
from tests import factories


class Sqs:
    """SQS of the local account, for tests that create queues and send messages."""

    def __init__(self, endpoint: str) -> None:
        session = boto3.session.Session(
            aws_access_key_id="local", aws_secret_access_key="local", region_name="us-east-1"
        )
        self.client: Any = session.client("sqs", endpoint_url=endpoint)

    def make(self, *, fifo: bool = False, **attributes: Any) -> str:
        """Create a queue; returns its URL."""
        if fifo:
            attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} | attributes
        name = f"t-{uuid.uuid4()}" + (".fifo" if fifo else "")
        texts = {key: str(value) for key, value in attributes.items()}
        return str(self.client.create_queue(QueueName=name, Attributes=texts)["QueueUrl"])

    def arn(self, url: str) -> str:
        """The ARN of a queue."""
        return str(self.attributes(url)["QueueArn"])

    def attributes(self, url: str) -> dict[str, str]:
        """The attributes that GetQueueAttributes returns."""
        answer = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return dict(answer["Attributes"])

    def set(self, url: str, **attributes: Any) -> None:
        """Change a queue's attributes."""
        texts = {key: str(value) for key, value in attributes.items()}
        self.client.set_queue_attributes(QueueUrl=url, Attributes=texts)

    def make_pair(self, *, fifo: bool = False, receives: int = 10, **attributes: Any) -> list[str]:
        """Create a queue and its dead-letter queue; returns their URLs."""
        dead = self.make(fifo=fifo, MessageRetentionPeriod=1_209_600)
        policy = {"deadLetterTargetArn": self.arn(dead), "maxReceiveCount": receives}
        given = {"RedrivePolicy": json.dumps(policy), "VisibilityTimeout": 60} | attributes
        return [self.make(fifo=fifo, **given), dead]

    def send(self, url: str, body: Any = None, **more: str) -> str:
        """Send a message; returns its body."""
        text = body if isinstance(body, str) else json.dumps(body or factories.message())
        self.client.send_message(QueueUrl=url, MessageBody=text, **more)
        return text

    def give_up(self, url: str) -> None:
        """Receive without deleting, as a crashing poller does, until SQS moves everything away."""
        while self.client.receive_message(
            QueueUrl=url, VisibilityTimeout=0, MaxNumberOfMessages=10
        ).get("Messages"):
            pass

    def left(self, url: str) -> int:
        """How many messages the queue has, including hidden ones."""
        found = self.attributes(url)
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return sum(int(found[name]) for name in names)


@pytest.fixture(scope="session")
def local_account() -> Iterator[local_aws.Account]:
    """One account for all tests that use it."""
    made = local_aws.start()
    yield made
    made.stop()


@pytest.fixture
def account(local_account: local_aws.Account, settings: Any) -> Iterator[Sqs]:
    """The account, with the gateways pointed at it."""
    settings.AWS_ENDPOINT_URL = local_account.endpoint
    aws.forget()
    yield Sqs(local_account.endpoint)
    aws.forget()
