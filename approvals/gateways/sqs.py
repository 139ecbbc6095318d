"""SQS: receive by long poll, delete in batches. At least once, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from approvals.exceptions import Unavailable
from approvals.gateways import aws

BATCH = 10  # the most that ReceiveMessage and DeleteMessageBatch take


@dataclass(frozen=True)
class Message:
    """A received message; `receipt` deletes this very receipt, and only the latest one counts."""

    message_id: str
    receipt: str
    body: str
    sent_at: datetime


def receive(region: str, url: str, *, wait_seconds: int, limit: int = BATCH) -> list[Message]:
    """Up to `limit` (at most 10) messages, waiting up to `wait_seconds` (at most 10) for the first.

    Raises Unavailable.
    """
    try:
        response = aws.sqs(region).receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(limit, BATCH),
            WaitTimeSeconds=wait_seconds,
            MessageSystemAttributeNames=["SentTimestamp"],
        )
    except (BotoCoreError, ClientError) as error:
        raise Unavailable(_sentence(error, url)) from error
    return [
        Message(
            message["MessageId"],
            message["ReceiptHandle"],
            message["Body"],
            datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, tz=UTC),
        )
        for message in response.get("Messages", [])
    ]


def delete(region: str, url: str, messages: Sequence[Message]) -> list[str]:
    """Delete up to 10 messages; returns the ids of those SQS refused to delete (HTTP 200 hides them).

    Raises Unavailable where the whole call failed.
    """
    try:
        response = aws.sqs(region).delete_message_batch(
            QueueUrl=url,
            Entries=[
                {"Id": str(place), "ReceiptHandle": message.receipt}
                for place, message in enumerate(messages)
            ],
        )
    except (BotoCoreError, ClientError) as error:
        raise Unavailable(_sentence(error, url)) from error
    return [messages[int(failed["Id"])].message_id for failed in response.get("Failed", [])]


def _sentence(error: BotoCoreError | ClientError, url: str) -> str:
    code = (
        error.response.get("Error", {}).get("Code", "")
        if isinstance(error, ClientError)
        else type(error).__name__
    )
    return f"SQS refused or did not answer ({code}) for {url}"
