"""SQS of the local account with several consumers of one queue."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

from tests.local.aws.workflows import Clients


def test_simultaneous_consumers_of_a_queue_get_each_message_once(clients: Clients) -> None:
    sqs = clients("sqs")
    queue_url = sqs.create_queue(QueueName=f"busy-{uuid.uuid4()}")["QueueUrl"]

    def send_and_consume(number: int) -> list[str]:
        sqs.send_message(QueueUrl=queue_url, MessageBody=str(number))
        got = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=2, WaitTimeSeconds=1)
        for message in got.get("Messages", []):
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in got.get("Messages", [])]

    with ThreadPoolExecutor(8) as pool:
        seen = [body for bodies in pool.map(send_and_consume, range(80)) for body in bodies]

    assert sorted(seen, key=int) == [str(number) for number in range(80)]
