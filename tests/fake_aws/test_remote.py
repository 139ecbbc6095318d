"""The fake as a process of its own."""

from __future__ import annotations

import json
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
)

from tests.fake_aws import Log, fingerprint, spawned
from tests.fake_aws.clients import OUTPUT, client
from tests.fake_aws.remote import ControlError


def test_the_process_is_controlled_over_http_and_its_log_survives_it(tmp_path: Path) -> None:
    log = tmp_path / "aws.jsonl"
    with spawned(log, "--seed", "3") as (aws, process):
        queue = aws.create_queue("manual-review")
        machine = aws.machine(review_queue_url=queue)
        named = [{"machine": machine, "name": f"o-{number}"} for number in range(40)]
        aws.many("start", named)
        tokens = [task["token"] for task in aws.tasks()]
        aws.plan("SendTaskSuccess", ["lost_after"])
        with pytest.raises(ControlError, match="none of"):
            aws.nonsense()
        sfn = client("stepfunctions", aws.endpoint)
        answered: list[str] = []

        def answer(token: str) -> None:
            for _ in range(2):  # the second attempt follows a lost reply
                try:
                    sfn.send_task_success(taskToken=token, output=OUTPUT)
                    answered.append(token)
                except (BotoCoreError, ClientError):
                    continue
                if len(answered) == 20:
                    process.send_signal(signal.SIGKILL)
                return

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(answer, tokens))
        sfn.close()
        assert process.wait(5) == -signal.SIGKILL
        effects = {line["token"] for line in Log(log).effects("SendTaskSuccess")}
        assert {fingerprint(token) for token in answered} <= effects
        assert [line["fault"] for line in aws.log.faults()] == ["lost_after"]
        lines = log.read_bytes().split(b"\n")
        assert lines.pop() == b""
        assert [json.loads(line)["n"] for line in lines] == list(range(1, len(lines) + 1))
