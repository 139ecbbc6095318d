"""Streams of hints, from the web process as it is started in production."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.abuse import served
from tests.abuse.served import Web
from tests.paths import ROOT

PATH = "/live/"
AT_ONCE = 3.0  # seconds, on a machine that others use too
SETTING = """
from approvals.actions import people, queues
from approvals.actors import COMMAND_LINE
from approvals.models import User
for slug in ("mine", "theirs"):
    url = f"https://sqs.us-east-1.amazonaws.com/123456789012/{slug}"
    queues.save(slug, {"region": "us-east-1", "sqs_url": url}, by=COMMAND_LINE)
people.grant(User.objects.get(email="clerk@example.com"), "mine", "reviewer", by=COMMAND_LINE)
"""
ARRIVAL = """
import json, uuid
from datetime import datetime, UTC
from approvals.actions import intake
from approvals.models import ReviewQueue
from approvals.records import live_hints
from approvals.records.received_messages import Received
for slug in ("theirs", "mine"):
    body = json.dumps({"taskToken": f"token-{uuid.uuid4()}", "orderId": "A-1"})
    queue = ReviewQueue.objects.get(slug=slug)
    intake.accept(queue, [Received(body, str(uuid.uuid4()), datetime.now(UTC))])
    print(queue.pk)
import time; time.sleep(1)
"""


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """The web process, with a person who may see one of two queues."""
    with served.web(tmp_path_factory.mktemp("web")) as made:
        shell(made, SETTING)
        yield made


def shell(web: Web, program: str) -> str:
    """What a program of the service prints."""
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", program]
    done = subprocess.run(command, cwd=ROOT, env=web.environment, capture_output=True, check=True)
    return done.stdout.decode()


@contextmanager
def stream(
    web: Web, *, signed_in: bool = True, query: str = "", session: str = ""
) -> Iterator[http.client.HTTPResponse]:
    """An open stream of the person."""
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=20)
    cookie = {"Cookie": f"countersign={session or web.session}"} if signed_in else {}
    connection.request("GET", PATH + query, headers={"Accept": "text/event-stream", **cookie})
    try:
        yield connection.getresponse()
    finally:
        connection.close()


def next_event(response: http.client.HTTPResponse) -> dict[str, str]:
    """The fields of the next event."""
    fields: dict[str, str] = {}
    while True:
        line = response.readline().decode().rstrip("\n")
        if not line and fields:
            return fields
        name, _, value = line.partition(": ")
        if name:
            fields[name] = value


def test_a_stream_names_a_queue_of_its_person_when_it_changes_and_no_other(web: Web) -> None:
    with stream(web) as response:
        assert response.status == 200
        assert response.getheader("Content-Type") == "text/event-stream"
        assert "retry" in next_event(response)

        _, mine = shell(web, ARRIVAL).split()

        assert next_event(response) == {"event": "changed", "data": mine}


def test_both_viewers_of_a_review_are_shown_each_other_until_one_goes(web: Web) -> None:
    review, bob = shell(web, SAME_REVIEW).split()
    query = f"?review={review}"

    def others(response: http.client.HTTPResponse) -> list[str]:
        while (event := next_event(response)).get("event") != "viewers":
            pass
        names: list[str] = json.loads(event["data"])["names"]
        return names

    with stream(web, query=query) as mine:
        assert others(mine) == []
        began = time.monotonic()
        with stream(web, query=query, session=bob) as theirs:
            assert others(mine) == ["Bob <b>"]
            assert others(theirs) == ["clerk"]
            assert time.monotonic() - began < AT_ONCE
        assert others(mine) == []


def test_who_has_not_signed_in_gets_no_stream(web: Web) -> None:
    with stream(web, signed_in=False) as response:
        assert response.status == 204


def test_three_hundred_idle_streams_keep_no_page_waiting(web: Web) -> None:
    with ExitStack() as open_streams:
        for _ in range(300):
            response = open_streams.enter_context(stream(web))
            assert response.status == 200
        page = web.page()
        assert page.status == 200
        assert page.seconds < AT_ONCE


def test_an_open_stream_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with served.web(tmp_path) as web, stream(web) as response:
        next_event(response)
        began = time.monotonic()
        web.process.send_signal(signal.SIGTERM)
        web.process.wait(20)
        assert time.monotonic() - began < 6


def test_an_export_is_sent_while_it_is_made(web: Web) -> None:
    shell(web, EVENTS)
    with stream(web):  # beside it
        posted = web.request(
            "POST",
            "/audit/export/",
            headers={
                "Cookie": f"countersign={web.session}; csrf={'a' * 32}",
                "X-CSRFToken": "a" * 32,
                "Content-Type": "application/x-www-form-urlencoded",
                "Referer": f"http://127.0.0.1:{web.port}/audit/",
            },
            body="format=jsonl",
        )
    assert posted.status == 200, posted.body[:300]
    lines = [json.loads(line) for line in posted.body.splitlines()]
    assert sum(line["kind"] == "user.invited" for line in lines) >= 3_000


EVENTS = """
from approvals.actions import people
from approvals.actors import COMMAND_LINE, Actor
from approvals.models import User
from approvals.records import audit
from approvals.records.audit_kinds import AuditKind
clerk = User.objects.get(email="clerk@example.com")
people.grant_site(clerk, "auditor", by=COMMAND_LINE)
from approvals.records.unit_of_work import UnitOfWork
end = audit.end_of(clerk)
for _ in range(30):
    work = UnitOfWork()
    for _ in range(100):
        audit.record(work, end, AuditKind.USER_INVITED, by=COMMAND_LINE)
    work.write()
"""

SAME_REVIEW = """
import json, uuid
from datetime import datetime, UTC
from django.test import Client
from approvals.actions import intake, people
from approvals.actors import COMMAND_LINE
from approvals.models import ReviewQueue, ReviewTask
from approvals.records.received_messages import Received
body = json.dumps({"taskToken": f"token-{uuid.uuid4()}", "orderId": "A-2"})
intake.accept(ReviewQueue.objects.get(slug="mine"), [Received(body, str(uuid.uuid4()), datetime.now(UTC))])
print(ReviewTask.objects.get(reference="A-2").pk)
bob = people.create("bob@example.com", by=COMMAND_LINE)
bob.name = "Bob <b>"
bob.save()
people.grant(bob, "mine", "viewer", by=COMMAND_LINE)
browser = Client()
browser.force_login(bob)
print(browser.cookies["countersign"].value)
"""
