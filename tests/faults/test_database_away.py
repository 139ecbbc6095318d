"""The poller while PostgreSQL is really away: nothing is received, nothing is deleted, and it goes on alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest

from local.postgres import Server
from tests import database, factories
from tests import desk as desks
from tests.conditions import wait_until
from tests.desk import QUEUE, Desk


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Server]]:
    """A PostgreSQL of this test's own, which it may stop."""
    running = [database.start_server(tmp_path / "postgres")]
    monkeypatch.setenv("DATABASE_URL", running[0].url)
    yield running
    running[-1].stop()


@pytest.mark.campaign
def test_the_poller_waits_for_the_database_and_then_goes_on_alone(
    server: list[Server], tmp_path: Path
) -> None:
    log = tmp_path / "poller.log"
    with desks.opened(tmp_path, {"ReviewTimeoutSeconds": "3600"}) as desk:
        desk.start("poller", errors=log)
        send(desk, "before")
        wait_until(lambda: held(desk) == {"before"}, seconds=60, what="the first review")

        server[-1].stop()
        try:
            # The poll that was under way has ended then, and no other is begun without a database.
            wait_until(lambda: failures(log), seconds=60, what="a poller that notices")
            send(desk, "meanwhile")
            again = failures(log) + 2
            wait_until(lambda: failures(log) >= again, seconds=60, what="two more tries")
            untouched, alive = waiting(desk) == (1, 0), desk.processes["poller"].poll() is None
        finally:
            server.append(Server.start(server[0].data, durable=True, port=server[0].port))

        assert untouched
        assert alive
        both = {"before", "meanwhile"}
        wait_until(lambda: held(desk) == both, seconds=60, what="the review after the outage")
        wait_until(lambda: waiting(desk) == (0, 0), seconds=60, what="the deletion of its message")


def failures(log: Path) -> int:
    """How often the poller of the queue has found no database."""
    events = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return sum(
        event.get("event") == "poll.database_away" and event.get("queue") == QUEUE
        for event in events
    )


def sqs(desk: Desk) -> Any:
    """A client of the desk's account."""
    keys: dict[str, Any] = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    account = desk.account
    return boto3.client("sqs", region_name=account.region, endpoint_url=account.endpoint, **keys)


def send(desk: Desk, reference: str) -> None:
    """Put a manual-review message on the queue."""
    body = json.dumps(factories.message(orderId=reference))
    sqs(desk).send_message(QueueUrl=desk.outputs["ReviewQueueUrl"], MessageBody=body)


def waiting(desk: Desk) -> tuple[int, int]:
    """How many messages wait on the queue, and how many are in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = desk.outputs["ReviewQueueUrl"]
    found = sqs(desk).get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return int(found[names[0]]), int(found[names[1]])


def held(desk: Desk) -> set[str]:
    """The references of all reviews."""
    with psycopg.connect(desk.environment["DATABASE_URL"]) as connection:
        rows = connection.execute("SELECT reference FROM approvals_reviewtask").fetchall()
    return {reference for (reference,) in rows}
