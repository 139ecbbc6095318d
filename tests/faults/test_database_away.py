"""The poller while PostgreSQL is really gone: nothing is received, nothing is deleted, and it goes on alone."""

from __future__ import annotations

import json
import time
from pathlib import Path

import boto3
import pytest

from approvals.polling import poller
from local.postgres import Server
from tests import desk as desks
from tests import factories
from tests.desk import Desk, wait_until

POLL = poller.WAIT_SECONDS


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A PostgreSQL of this test's own, which it may stop."""
    running = [Server.start(tmp_path / "postgres", durable=True)]
    monkeypatch.setenv("DATABASE_URL", running[0].url)
    yield running
    running[-1].stop()


def test_the_poller_waits_for_the_database_and_then_goes_on_alone(
    server: list[Server], tmp_path: Path
) -> None:
    with desks.opened(tmp_path, {"ReviewTimeoutSeconds": "3600"}) as desk:
        desk.start("poller")
        send(desk, "before")
        wait_until(lambda: held(desk) == {"before"}, seconds=15, what="the first review")

        server[-1].stop()
        try:
            time.sleep(
                POLL + 1
            )  # the poll that was under way may still receive: that batch comes back
            send(desk, "meanwhile")
            time.sleep(POLL)
            untouched, alive = waiting(desk) == 1, desk.processes["poller"].poll() is None
        finally:
            server.append(Server.start(server[0].data, durable=True, port=server[0].port))

        assert untouched
        assert alive
        both = {"before", "meanwhile"}
        wait_until(lambda: held(desk) == both, seconds=40, what="the review after the outage")
        assert waiting(desk) == 0


def sqs(desk: Desk):
    """A client of the desk's account."""
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    account = desk.account
    return boto3.client("sqs", region_name=account.region, endpoint_url=account.endpoint, **keys)


def send(desk: Desk, reference: str) -> None:
    """Put a manual-review message on the queue."""
    body = json.dumps(factories.message(orderId=reference))
    sqs(desk).send_message(QueueUrl=desk.outputs["ReviewQueueUrl"], MessageBody=body)


def waiting(desk: Desk) -> int:
    """How many messages lie on the queue, in nobody's hands."""
    name = "ApproximateNumberOfMessages"
    url = desk.outputs["ReviewQueueUrl"]
    found = sqs(desk).get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(found["Attributes"][name])


def held(desk: Desk) -> set[str]:
    """The references of all reviews."""
    script = (
        "from approvals.models import ReviewTask;"
        "print(*ReviewTask.objects.values_list('reference', flat=True), sep='\\n')"
    )
    return set(desk.manage("shell", "--no-imports", "-c", script).split())
