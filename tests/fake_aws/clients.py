"""boto3 clients of the fake, and what its tests ask through them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
)

from tests.fake_aws import FakeAws
from tests.fake_aws.model_check import check_response

DECISION = "0190a1b2-c3d4-4e5f-8a9b-0c1d2e3f4a5b"
OUTPUT = json.dumps({"decision": "approved", "decision_id": DECISION})
_session: Any = boto3.Session(aws_access_key_id="fake", aws_secret_access_key="fake")


def client(service: str, endpoint: str, region: str = "eu-west-1", *, timeout: float = 5.0) -> Any:
    """A real client, set up like those of approvals.gateways.aws: one call, one request.

    `timeout` is in seconds. Each response is compared with botocore's model.
    """
    config = Config(
        connect_timeout=3,
        read_timeout=timeout,
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=64,
    )
    made = _session.client(service, region_name=region, endpoint_url=endpoint, config=config)
    made.meta.events.register("after-call", check_response)
    return made


@dataclass
class FakeAccount:
    """The fake with a review queue and a state machine, and a client of each service."""

    aws: FakeAws
    queue: str
    machine: str

    @cached_property
    def sfn(self) -> Any:
        """A client of Step Functions, made when it is first asked for: that takes its time."""
        return client("stepfunctions", self.aws.endpoint)

    @cached_property
    def sqs(self) -> Any:
        """A client of SQS."""
        return client("sqs", self.aws.endpoint)

    def order(self, name: str = "order-1", **branch: Any) -> tuple[str, str]:
        """An execution that waits; its ARN and its token."""
        arn = self.aws.start(self.machine, name, {"order_id": name})
        if branch:
            return arn, self.aws.open_task(arn, queue_url=self.queue, **branch)
        return arn, self.aws.tasks(arn)[0]["token"]

    def receive(self, **options: Any) -> list[dict[str, Any]]:
        """One ReceiveMessage of up to ten."""
        asked = {"QueueUrl": self.queue, "MaxNumberOfMessages": 10, **options}
        return list(self.sqs.receive_message(**asked).get("Messages", []))

    def events(self, arn: str, **options: Any) -> list[dict[str, Any]]:
        """The history of an execution, all pages of it."""
        pages = self.sfn.get_paginator("get_execution_history")
        found = pages.paginate(executionArn=arn, **options)
        return [event for page in found for event in page["events"]]

    def types(self, arn: str) -> list[str]:
        """The types of its events, oldest first."""
        return [event["type"] for event in self.events(arn)]

    def status(self, arn: str) -> str:
        """The status in DescribeExecution."""
        return str(self.sfn.describe_execution(executionArn=arn)["status"])


def refusal(call: Callable[..., Any], **arguments: Any) -> str:
    """The error code a call is refused with; empty if it is not."""
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def wrong_refusals(
    service: Any, rows: list[tuple[str, dict[str, Any], str, str]], live: dict[str, str]
) -> list[tuple[str, str, Any]]:
    """Make the call of each row; return those whose error has not the row's code and words.

    A row is operation, arguments, code and a part of the message; a text that starts with a name of
    `live` gets its value in the name's place.
    """

    def filled(text: Any) -> Any:
        word = text.partition("-")[0] if isinstance(text, str) else None
        return text.replace(word, live[word]) if word in live else text

    wrong: list[tuple[str, str, Any]] = []
    for operation, arguments, code, words in rows:
        try:
            getattr(service, operation)(**{key: filled(value) for key, value in arguments.items()})
            wrong.append((operation, code, "accepted"))
        except ClientError as error:
            found = error.response["Error"]
            if found["Code"] != code or filled(words) not in found["Message"]:
                wrong.append((operation, code, found))
    return wrong


def chain(events: list[dict[str, Any]], token: str) -> list[str]:
    """The types of the events on a token's chain, from its TaskScheduled on, by previousEventId."""
    text = json.dumps(token)
    at = next(
        event["id"]
        for event in events
        if text in event.get("taskScheduledEventDetails", {}).get("parameters", "")
    )
    types = ["TaskScheduled"]
    while followers := [event for event in events if event["previousEventId"] == at]:
        at = followers[0]["id"]
        types.append(followers[0]["type"])
    return types
