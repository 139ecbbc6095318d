"""The log of calls, effects and faults."""

from __future__ import annotations

import contextlib
import os
import time

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
)

from tests.fake_aws.clients import OUTPUT, FakeAccount


def test_the_log_holds_no_token_and_tells_when_a_call_came(fake: FakeAccount) -> None:
    _, token = fake.order()
    before = time.time()
    message = fake.receive()[0]
    fake.sqs.delete_message(QueueUrl=fake.queue, ReceiptHandle=message["ReceiptHandle"])
    fake.sfn.send_task_success(taskToken=token, output=OUTPUT)
    text = fake.aws.log.path.read_text()
    assert token not in text
    assert token[20:60] not in text
    gone = fake.aws.log.deletes(token)[0]
    assert before <= gone["received"] <= gone["at"] <= time.time()
    assert fake.aws.log.sends(token)[0]["message_id"] == message["MessageId"]
    numbers = [line["n"] for line in fake.aws.log.lines()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_an_answer_leaves_after_its_lines_are_on_the_disk(
    fake: FakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, token = fake.order()
    durable: list[int] = []
    fsync = os.fsync

    def noted(file: int) -> None:
        size = os.fstat(file).st_size
        fsync(file)
        durable.append(size)

    monkeypatch.setattr(os, "fsync", noted)
    fake.aws.plan("SendTaskSuccess", ["none", "throttled", "lost_after"])
    for _ in range(3):
        with contextlib.suppress(ClientError, ConnectionClosedError):
            fake.sfn.send_task_success(taskToken=token, output=OUTPUT)
        assert durable[-1] == fake.aws.log.path.stat().st_size
    assert len(fake.aws.log.calls("SendTaskSuccess")) == 3
