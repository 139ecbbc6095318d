"""Webhooks against the web process at LOG_LEVEL=DEBUG: the example client decides, and no body is ever logged."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection

from approvals.models import Decision, IdempotencyKey, ReviewQueue, User, Vote
from local.processes import dying_with_me, free_port
from tests import factories
from tests.api.signing import PATH, Sender, about, issue
from tests.canary import CANARY, assert_no_canary, everything_stored
from tests.paths import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

EXAMPLE = ROOT / "docs" / "examples" / "decide_by_webhook.py"


JSON_TYPE = [("Content-Type", "application/json")]


@dataclass(frozen=True)
class Web:
    """A web process, and the file with its output."""

    port: int
    output: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def send(self, raw: bytes, headers: list[tuple[str, str]]) -> tuple[int, bytes]:
        """Status and body of an answer to these very header lines."""
        wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(wire):
            wire.putrequest("POST", PATH)
            for name, value in [*JSON_TYPE, ("Content-Length", str(len(raw))), *headers]:
                wire.putheader(name, value)
            wire.endheaders(raw)
            answer = wire.getresponse()
            return answer.status, answer.read()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    """The web process on this test's database."""
    made = Web(free_port(), tmp_path / "web.log")
    address = "postgres://{user}@{host}:{port}/{dbname}"
    settings = {
        "DATABASE_URL": address.format(**connection.get_connection_params()),
        "LOG_LEVEL": "DEBUG",
        "PORT": str(made.port),
        "PUBLIC_URL": made.url,
        "ALLOWED_HOSTS": "127.0.0.1",
    }
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("DJANGO_")}
    with made.output.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "config.web"],
            cwd=ROOT,
            env=inherited | settings,
            stdout=output,
            stderr=output,
            preexec_fn=dying_with_me(),  # noqa: PLW1509
        )
    try:
        _wait_until_ready(made)
        yield made
    finally:
        process.terminate()
        process.wait(20)


def _wait_until_ready(web: Web) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{web.url}/healthz/ready", timeout=5).close()  # noqa: S310
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(web.output.read_text())


def example(
    web: Web, sender: Sender, *arguments: str, text: str = ""
) -> subprocess.CompletedProcess[str]:
    """The client of docs/examples, run as its reader would."""
    return subprocess.run(
        [sys.executable, str(EXAMPLE), web.url, *arguments],
        env={"PATH": os.environ["PATH"], "WEBHOOK_SECRET": sender.secret},
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_example_client_decides_by_id_and_by_token_and_shows_its_refusal(
    web: Web, alice: User, queue: ReviewQueue
) -> None:
    sender = issue()
    first, second = factories.review(queue), factories.review(queue, taskToken=CANARY)

    approved = example(web, sender, alice.email, "approve", str(first.pk))
    token = example(web, sender, alice.email, "reject", "-", "Too", "risky", text=f"{CANARY}\n")
    again = example(web, sender, alice.email, "approve", str(first.pk))

    assert (approved.returncode, approved.stderr) == (0, "")
    assert json.loads(approved.stdout)["outcome"] == "approved"
    assert json.loads(token.stdout)["review_id"] == str(second.pk)
    decided = {d.review_id: (d.outcome, d.reason, d.signed_in) for d in Decision.objects.all()}
    assert decided == {
        first.pk: ("approved", "", "webhook:erp"),
        second.pk: ("rejected", "Too risky", "webhook:erp"),
    }
    assert (again.returncode, again.stdout) == (1, "")
    assert json.loads(again.stderr)["code"] == "already_decided"
    assert_no_canary(web.output.read_bytes() + everything_stored())


def test_the_example_client_fits_on_a_page() -> None:
    lines = EXAMPLE.read_text().split('"""\n', 1)[1].splitlines()

    assert len([line for line in lines if line and not line.startswith(("import", "from"))]) <= 32


def test_a_header_that_comes_twice_is_no_header(web: Web, alice: User, queue: ReviewQueue) -> None:
    sender = issue()
    raw = json.dumps(about(factories.review(queue))).encode()
    signed = list(sender.headers(raw, "msg-1").items())

    for doubled in signed:
        status, _ = web.send(raw, [*signed, doubled])
        assert status == 401, doubled
    assert not Vote.objects.exists()
    # The server drops what only looks like a header of ours once it stands in the environment.
    assert web.send(raw, [*signed, ("Webhook_Id", "msg-2")])[0] == 200
    assert IdempotencyKey.objects.get().key == "msg-1"


def test_a_body_without_a_length_is_refused(web: Web, alice: User, queue: ReviewQueue) -> None:
    sender = issue()
    raw = json.dumps(about(factories.review(queue))).encode()

    def slow_chunks() -> Iterator[bytes]:
        """The server knows the head long before the body ends; the client sees the refusal, not a reset."""
        for start in range(0, len(raw), 40):
            yield raw[start : start + 40]
            time.sleep(0.05)

    wire = http.client.HTTPConnection("127.0.0.1", web.port, timeout=20)
    with contextlib.closing(wire):
        wire.request("POST", PATH, slow_chunks(), sender.headers(raw), encode_chunked=True)
        assert wire.getresponse().status == 411


def bodies_with_the_token(email: str) -> list[bytes]:
    """Bodies that hold the token at every place; the last two are valid requests."""
    good = {"task_token": CANARY, "approved": True, "reviewer_email": email}
    bodies = [
        good | {"reviewer_email": CANARY},
        good | {"reviewer_email": "nobody@example.com"},
        good | {CANARY: 1},
        good | {"review_id": CANARY},
        good | {"task_token": [CANARY]},
        good | {"task_token": CANARY + "x"},
        good | {"approved": CANARY},
        good | {"reason": [CANARY]},
        good | {"reason": {CANARY: CANARY}},
        {"review_id": CANARY, "approved": True, "reviewer_email": email},
        [CANARY],
        CANARY,
    ]
    written = [json.dumps(body).encode() for body in bodies]
    token = json.dumps(CANARY).encode()
    written += [
        json.dumps(good).encode()[:-1],
        b'{"task_token": %s, "task_token": %s}' % (token, token),
        b"{%s: 1, %s: 2}" % (token, token),
        b'{"a": NaN, "task_token": %s}' % token,
        b'{"task_token": %s, "reason": "\\ud800"}' % token,
        token + b"\xff",
        token * 2_000,
        json.dumps(good | {"reason": f"as {CANARY} says"}).encode(),
        json.dumps(good).encode(),
    ]
    return written


def test_nothing_of_a_body_is_logged_at_debug_or_kept_or_answered(
    web: Web, alice: User, queue: ReviewQueue
) -> None:
    sender, unknown = issue(), Sender("whsec_" + "A" * 43 + "=")
    review = factories.review(queue, taskToken=CANARY)
    written = bodies_with_the_token(alice.email)

    answers = [
        web.send(raw, list(one.headers(raw).items()))
        for one in (unknown, sender)
        for raw in written
    ]

    assert [status for status, _ in answers[: len(written)]].count(401) == len(written) - 1
    assert [status for status, _ in answers[-2:]] == [200, 409], "the way was walked to its end"
    assert Vote.objects.get().review_id == review.pk
    log = web.output.read_bytes()
    assert log.count(b"webhook.refused") >= len(written) - 1
    assert b'"level": "debug"' in log
    for shown in (log, everything_stored(), *(body for _, body in answers)):
        assert_no_canary(shown)
