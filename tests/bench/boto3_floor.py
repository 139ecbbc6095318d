"""`python -m tests.bench.boto3_floor intake|delivery THREADS`: the calls of intake or delivery, and no database.

One client for all threads, as the service has; it calls until it is stopped.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import boto3
from botocore.config import Config

CONFIG = Config(max_pool_connections=20, retries={"total_max_attempts": 1, "mode": "standard"})


def intake(client: Any) -> None:
    """Receive ten messages and delete them, again and again."""
    url = f"{os.environ['AWS_ENDPOINT_URL']}/123456789012/orders"
    while True:
        came = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5)
        entries = [
            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
            for number, message in enumerate(came.get("Messages", []))
        ]
        if entries:
            client.delete_message_batch(QueueUrl=url, Entries=entries)


def delivery(client: Any) -> None:
    """Answer task tokens, again and again."""
    while True:
        client.send_task_success(taskToken="t" * 470, output='{"decision": "approved"}')


def main(what: str, threads: int) -> None:
    """Call in so many threads."""
    service: Any = {"intake": "sqs", "delivery": "stepfunctions"}[what]
    work = {"intake": intake, "delivery": delivery}[what]
    client = boto3.client(service, region_name=os.environ["AWS_REGION"], config=CONFIG)
    for _ in range(threads):
        threading.Thread(target=work, args=(client,), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
