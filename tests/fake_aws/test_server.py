"""The HTTP server under many simultaneous connections."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.conditions import wait_until
from tests.fake_aws.clients import FakeAccount, client


def test_sixty_four_long_polls_do_not_delay_other_calls(fake: FakeAccount) -> None:
    sqs = client("sqs", fake.aws.endpoint, timeout=30.0)

    def poll(_: int) -> list[str]:
        asked = {"QueueUrl": fake.queue, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 20}
        return [message["MessageId"] for message in sqs.receive_message(**asked)["Messages"]]

    def waiting() -> int:
        return int(fake.aws.queue_state(fake.queue)["long_polls"])

    with ThreadPoolExecutor(64) as pool:
        polls = [pool.submit(poll, number) for number in range(64)]
        wait_until(lambda: waiting() == 64, what="64 long polls")
        arn, token = fake.order()  # its message ends one of them
        fake.sfn.send_task_success(taskToken=token, output="{}")
        assert waiting() >= 63
        fake.aws.send(fake.queue, ["{}"] * 640)
        got = [message for each in polls for message in each.result()]
    assert len(got) == len(set(got)) >= 64
    assert fake.status(arn) == "SUCCEEDED"
    sqs.close()
