"""SQS: receive by long poll, delete in batches, read a queue's attributes. At least once, in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from approvals.arns import Place, SqsQueue
from approvals.exceptions import Unavailable
from approvals.gateways import aws
from approvals.gateways.errors import classify

BATCH = 10  # the most that ReceiveMessage and DeleteMessageBatch take


@dataclass(frozen=True)
class Message:
    """A received message; `receipt_handle` is what deletes it, and only that of the latest receive counts.

    `source_arn` is set on a dead letter: the queue it was moved away from.
    """

    message_id: str
    receipt_handle: str
    body: str
    sent_at: datetime
    source_arn: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)  # those that are texts or numbers


def receive(place: Place, url: str, *, wait_seconds: int, limit: int = BATCH) -> list[Message]:
    """Up to `limit` (at most 10) messages, waiting up to `wait_seconds` (at most 10) for the first.

    Raises Unavailable.
    """
    try:
        response = aws.sqs(place).receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(limit, BATCH),
            WaitTimeSeconds=wait_seconds,
            MessageSystemAttributeNames=["SentTimestamp", "DeadLetterQueueSourceArn"],
            MessageAttributeNames=["All"],
        )
    except (BotoCoreError, ClientError) as error:
        raise _unavailable(error, url) from error
    return [
        Message(
            message["MessageId"],
            message["ReceiptHandle"],
            message["Body"],
            datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, tz=UTC),
            message["Attributes"].get("DeadLetterQueueSourceArn", ""),
            {
                name: attribute["StringValue"]
                for name, attribute in message.get("MessageAttributes", {}).items()
                if "StringValue" in attribute
            },
        )
        for message in response.get("Messages", [])
    ]


def delete(place: Place, url: str, messages: Sequence[Message]) -> list[str]:
    """Delete up to 10 messages; returns the ids of those SQS refused to delete (HTTP 200 hides them).

    Raises Unavailable if the whole call failed.
    """
    try:
        response = aws.sqs(place).delete_message_batch(
            QueueUrl=url,
            Entries=[
                {"Id": str(number), "ReceiptHandle": message.receipt_handle}
                for number, message in enumerate(messages)
            ],
        )
    except (BotoCoreError, ClientError) as error:
        raise _unavailable(error, url) from error
    return [messages[int(failed["Id"])].message_id for failed in response.get("Failed", [])]


def attributes(place: Place, url: str) -> dict[str, str]:
    """All attributes of a queue by GetQueueAttributes. Raises Unavailable; extra: `aws_code`, AWS's error code."""
    try:
        response = aws.sqs(place).get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    except (BotoCoreError, ClientError) as error:
        raise _unavailable(error, url) from error
    return {str(name): value for name, value in response.get("Attributes", {}).items()}


def url_of(place: Place, queue: SqsQueue) -> str:
    """The URL of a queue that an ARN names, by GetQueueUrl. Raises Unavailable, as `attributes` does."""
    try:
        response = aws.sqs(place).get_queue_url(
            QueueName=queue.name, QueueOwnerAWSAccountId=queue.account
        )
    except (BotoCoreError, ClientError) as error:
        raise _unavailable(error, queue.name) from error
    return response["QueueUrl"]


def _unavailable(error: BotoCoreError | ClientError, queue: str) -> Unavailable:
    code = classify(error).code
    return Unavailable(f"SQS refused or did not answer ({code}) for {queue}", aws_code=code)
