"""The operations of SQS."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.conditions import wait_until
from tests.fake_aws.clients import FakeAccount, client, wrong_refusals

# operation, arguments (QUEUE stands for its URL), code, a part of the message
REFUSALS: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "receive_message",
        {"QueueUrl": "QUEUE-not"},
        "AWS.SimpleQueueService.NonExistentQueue",
        "exist",
    ),
    (
        "receive_message",
        {"QueueUrl": "QUEUE", "WaitTimeSeconds": 21},
        "InvalidParameterValue",
        "20",
    ),
    (
        "receive_message",
        {"QueueUrl": "QUEUE", "MaxNumberOfMessages": 11},
        "InvalidParameterValue",
        "10",
    ),
    ("delete_message", {"QueueUrl": "QUEUE", "ReceiptHandle": "x"}, "ReceiptHandleIsInvalid", "x"),
    ("send_message", {"QueueUrl": "QUEUE", "MessageBody": "\0"}, "InvalidMessageContents", "char"),
    (
        "send_message",
        {"QueueUrl": "QUEUE", "MessageBody": "x" * 1_048_577},
        "InvalidParameterValue",
        "1048576",
    ),
    (
        "delete_message_batch",
        {"QueueUrl": "QUEUE", "Entries": []},
        "AWS.SimpleQueueService.EmptyBatchRequest",
        "least one",
    ),
]


def test_every_reply_of_sqs_fits_the_model(fake: FakeAccount) -> None:
    sqs = fake.sqs
    url = sqs.create_queue(QueueName="other", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    assert sqs.get_queue_url(QueueName="other")["QueueUrl"] == url
    assert url in sqs.list_queues()["QueueUrls"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "5"})
    note = {"trace": {"DataType": "String", "StringValue": "abc"}}
    sqs.send_message(QueueUrl=url, MessageBody="{}", MessageAttributes=note)
    sqs.send_message_batch(
        QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": "{}"} for n in range(3)]
    )
    got = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        MessageSystemAttributeNames=["All"],
        MessageAttributeNames=["All"],
    )["Messages"]
    first, second, third, fourth = (message["ReceiptHandle"] for message in got)
    assert got[0]["MessageAttributes"]["trace"]["StringValue"] == "abc"
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first, VisibilityTimeout=1)
    entries = [{"Id": "a", "ReceiptHandle": second, "VisibilityTimeout": 1}]
    sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=third)
    entries = [{"Id": "a", "ReceiptHandle": fourth}, {"Id": "b", "ReceiptHandle": "forged"}]
    partial = sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Code"] for entry in partial["Failed"]] == ["ReceiptHandleIsInvalid"]
    sizes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert sizes["ApproximateNumberOfMessagesNotVisible"] == "2"
    sqs.purge_queue(QueueUrl=url)
    assert fake.aws.queue_state(url)["messages"] == 0
    served = {line["op"] for line in fake.aws.log.calls()}
    assert served == set(fake.aws.account.sqs.operations)


def test_each_documented_refusal_has_its_code_and_its_message(fake: FakeAccount) -> None:
    assert wrong_refusals(fake.sqs, REFUSALS, {"QUEUE": fake.queue}) == []


def test_system_attributes_come_only_when_asked_for(fake: FakeAccount) -> None:
    """SentTimestamp stays, the receive count grows."""
    fake.order()
    assert "Attributes" not in fake.receive(VisibilityTimeout=0)[0]
    message = fake.receive(
        MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"]
    )[0]
    assert message["Attributes"]["ApproximateReceiveCount"] == "2"
    assert abs(int(message["Attributes"]["SentTimestamp"]) / 1000 - time.time()) < 60


def test_an_empty_response_has_no_messages(fake: FakeAccount) -> None:
    assert "Messages" not in fake.sqs.receive_message(QueueUrl=fake.queue)


def test_a_long_poll_ends_with_the_first_message(fake: FakeAccount) -> None:
    sqs = client("sqs", fake.aws.endpoint, timeout=30.0)
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        poll = pool.submit(sqs.receive_message, QueueUrl=fake.queue, WaitTimeSeconds=20)
        wait_until(lambda: fake.aws.queue_state(fake.queue)["long_polls"], what="the long poll")
        fake.order()
        assert len(poll.result()["Messages"]) == 1
    assert time.monotonic() - began < 18
    sqs.close()
