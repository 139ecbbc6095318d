"""Bytes on a real socket, as no client library sends them: the web process refuses them and lives on.

What the server refuses itself has a response of its own; what reaches the API is a problem document.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from local.processes import dying_with_me, free_port
from tests import database, desk
from tests.conditions import wait_until
from tests.fuzz.world import MACHINE
from tests.paths import ROOT

PATIENCE = 10  # seconds
PEOPLE = """
from approvals.actions import credentials, people, queues
from approvals.actors import COMMAND_LINE
from approvals.models import ReviewQueue, User
queues.save(
    "manual-review", {"region": "us-east-1", "sqs_url": "https://sqs.example/1/q"}, by=COMMAND_LINE
)
lead = people.create("lead@example.com", by=COMMAND_LINE)
people.grant(lead, "manual-review", "lead", by=COMMAND_LINE)
people.grant_site(lead, "orders", by=COMMAND_LINE)
print(credentials.issue_token(lead, "sockets", by=COMMAND_LINE))
"""


@dataclass(frozen=True)
class Web:
    """A web process on a database of its own."""

    port: int
    token: str
    database: str
    log: Path

    def sends(self, *parts: bytes, pause: float = 0) -> list[tuple[int, bytes]]:
        """Statuses and bodies of all that is answered to these bytes until the connection closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as line:
            with contextlib.suppress(OSError):  # it may hang up on us before we are done
                for part in parts:
                    line.sendall(part)
                    time.sleep(pause)
            return _answers(line)

    def head(self, method: str, path: str, *headers: str, host: str = "127.0.0.1") -> bytes:
        """The head of a request that is signed in."""
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {host}",
            f"Authorization: Bearer {self.token}",
            "Connection: close",
            *headers,
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def orders(self) -> int:
        """How many orders have been stored."""
        with psycopg.connect(self.database) as connection:
            row = connection.execute("SELECT count(*) FROM approvals_orderexecution").fetchone()
        return int(row[0])

    def lives(self) -> bool:
        """Whether it answers still."""
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/healthz/live", timeout=PATIENCE).ok
        except requests.ConnectionError:
            return False


def _answers(line: socket.socket) -> list[tuple[int, bytes]]:
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := line.recv(65_536):
            received += piece
    found = []
    while received.startswith(b"HTTP/1.1 "):
        head, _, rest = received.partition(b"\r\n\r\n")
        length = next(
            (
                int(one.split(b":")[1])
                for one in head.split(b"\r\n")
                if one.lower().startswith(b"content-length:")
            ),
            len(rest),
        )
        found.append((int(head.split()[1]), rest[:length]))
        received = rest[length:]
    return found


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """The web process, as it is started in production, on a database of its own."""
    name, port = f"sockets_{os.getpid()}", free_port()
    url = database.clone(name)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DJANGO_")} | {
        "DATABASE_URL": url,
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "ALLOWED_HOSTS": "127.0.0.1",
        "ORDER_FULFILLMENT_STATE_MACHINE_ARN": MACHINE,
        "API_RATE_PER_MINUTE": "0",
        "WEB_HEAD_SECONDS": "2",  # we wait until it hangs up
        "WEB_BODY_SECONDS": "2",
    }
    log = tmp_path_factory.mktemp("web") / "log"
    process = None
    try:
        token = _manage(environment, "shell", "-v", "0", "-c", PEOPLE).split()[-1]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *desk.COMMANDS["web"]],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=output,
                preexec_fn=dying_with_me(),  # noqa: PLW1509
            )
        made = Web(port, token, url, log)
        wait_until(made.lives, seconds=60, what="the web process")
        yield made
    finally:
        if process:
            process.terminate()
            process.wait(30)
        database.drop(name)


def _manage(environment: dict[str, str], *arguments: str) -> str:
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


ORDER = b'{"order_id": "S-1"}'
POST = ("POST", "/api/v1/orders/")
JSON = "Content-Type: application/json"
LENGTH = f"Content-Length: {len(ORDER)}"
CHUNKS = b"13\r\n" + ORDER + b"\r\n0\r\n\r\n"
# Each is a head's lines behind the usual ones, and a body. Nothing of it may start an order.
BODIES: dict[str, tuple[tuple[str, ...], bytes]] = {
    "two lengths": ((JSON, LENGTH, "Content-Length: 3"), ORDER),
    "a list of lengths": ((JSON, "Content-Length: 19, 19"), ORDER),
    "a negative length": ((JSON, "Content-Length: -1"), ORDER),
    "a length with a sign": ((JSON, "Content-Length: +19"), ORDER),
    "a length in hexadecimal": ((JSON, "Content-Length: 0x13"), ORDER),
    "a length in other digits": ((JSON, "Content-Length: \xb2"), ORDER),
    "an endless length": ((JSON, "Content-Length: " + "9" * 400), ORDER),
    "a length that promises more": ((JSON, "Content-Length: 1900"), ORDER),
    "a length that promises less": ((JSON, "Content-Length: 7"), ORDER),
    "length and chunks": ((JSON, LENGTH, "Transfer-Encoding: chunked"), CHUNKS),
    "chunks and length": ((JSON, "Transfer-Encoding: chunked", "Content-Length: 0"), CHUNKS),
    "a chunk that promises more": ((JSON, "Transfer-Encoding: chunked"), b"ff\r\n" + ORDER),
    "a chunk that promises less": ((JSON, "Transfer-Encoding: chunked"), b"2\r\n" + ORDER),
    "a chunk of no size": ((JSON, "Transfer-Encoding: chunked"), b"zz\r\n" + ORDER),
    "a chunk of negative size": ((JSON, "Transfer-Encoding: chunked"), b"-13\r\n" + ORDER),
    "a chunk of an underscored size": ((JSON, "Transfer-Encoding: chunked"), b"1_3\r\n" + ORDER),
    "chunks without an end": ((JSON, "Transfer-Encoding: chunked"), b"13\r\n" + ORDER + b"\r\n"),
    "chunks, spelt otherwise": ((JSON, "Transfer-Encoding: xchunked"), CHUNKS),
    "chunks twice": ((JSON, "Transfer-Encoding: chunked, chunked"), CHUNKS),
    "chunks that are not last": ((JSON, "Transfer-Encoding: chunked, identity"), CHUNKS),
    "a compressed body": ((JSON, LENGTH, "Content-Encoding: gzip"), b"\x1f\x8b\x08" + b"\0" * 16),
    "two types": (("Content-Type: text/plain", JSON, LENGTH), ORDER),
    "two tokens": ((JSON, LENGTH, "Authorization: Bearer x"), ORDER),
    "two keys": ((JSON, LENGTH, "Idempotency-Key: a", f"Idempotency-Key: {'b' * 254}"), ORDER),
    "a key with an underscore": ((JSON, "Content_Length: 19"), ORDER),
    "a key that the server does not show": ((JSON, LENGTH, "Idempotency-Key: caf\xe9"), ORDER),
    "a folded line": ((JSON, LENGTH, "X: a", " folded"), ORDER),
    "a space before the colon": ((JSON, "Content-Length : 19"), ORDER),
    "a NUL in a line": ((JSON, LENGTH, "X: a\0b"), ORDER),
    "a line without a colon": ((JSON, LENGTH, "nothing"), ORDER),
    "a line without a name": ((JSON, LENGTH, ": x"), ORDER),
    "64 KiB in a line": ((JSON, LENGTH, "X: " + "x" * 65_536), ORDER),
    "a thousand lines": ((JSON, LENGTH, *(f"X-{number}: x" for number in range(1_000))), ORDER),
}
HEADS: dict[str, bytes] = {
    "nothing": b"",
    "a line feed": b"\n",
    "blank lines": b"\r\n" * 100,
    "no version": b"GET /api/v1/queues/\r\n\r\n",
    "version 9": b"GET /api/v1/queues/ HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xff" * 200,
    "a lower method": b"get /api/v1/queues/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "a long method": b"A" * 10_000 + b" / HTTP/1.1\r\n\r\n",
    "a long path": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "a path of bytes": b"GET /api/v1/\xff\xfe\x00/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "a fragment": b"GET /api/v1/queues/#x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "no host": b"GET /api/v1/queues/ HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /api/v1/queues/ HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
    "an address of another host": b"GET http://evil.example/api/v1/queues/ HTTP/1.1\r\n\r\n",
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "an upgrade": b"GET /api/v1/queues/ HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: h2c\r\n\r\n",
}


@pytest.mark.parametrize(
    "what",
    BODIES,
)
def test_no_lie_about_a_body_starts_an_order(web: Web, what: Any) -> None:
    lines, body = BODIES[what]
    before = web.orders()

    answers = web.sends(web.head(*POST, *lines), body)

    assert web.orders() == before, answers
    assert all(400 <= status < 500 or status == 501 for status, _ in answers), answers
    assert len(answers) <= 1  # what is left of a body is no second request
    assert web.lives()


@pytest.mark.parametrize("what", HEADS)
def test_no_head_of_a_request_breaks_the_process(web: Web, what: Any) -> None:
    answers = web.sends(HEADS[what])

    assert all(status < 500 or status == 505 for status, _ in answers), answers
    assert not any(status == 200 for status, _ in answers), answers
    assert web.lives()


def test_a_request_behind_a_request_is_answered_for_itself(web: Web) -> None:
    first = web.head("GET", "/api/v1/queues/").replace(b"Connection: close\r\n", b"")
    anonymous = b"GET /api/v1/queues/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"

    answers = web.sends(first + anonymous)

    assert [status for status, _ in answers] == [200, 401]


def test_a_body_that_hides_a_request_is_only_a_body(web: Web) -> None:
    before = web.orders()
    hidden = web.head(*POST, JSON, LENGTH) + ORDER
    lines = (JSON, f"Content-Length: {len(hidden)}")

    answers = web.sends(web.head("GET", "/api/v1/queues/", *lines), hidden)

    assert [status for status, _ in answers] in ([200], [400])
    assert web.orders() == before


def test_slow_callers_keep_nobody_waiting(web: Web) -> None:
    lines = [socket.create_connection(("127.0.0.1", web.port)) for _ in range(100)]
    try:
        for line in lines:
            line.sendall(b"GET /api/v1/queues/ HTTP/1.1\r\nHost: 127")

        began = time.monotonic()
        assert web.lives()
        assert time.monotonic() - began < PATIENCE
    finally:
        for line in lines:
            line.close()


@pytest.mark.parametrize("is_first", [True, False])
def test_chunks_are_refused_and_nothing_behind_them_is_a_request(web: Web, is_first: bool) -> None:
    lines = ["Content-Length: 0", "Transfer-Encoding: chunked"][:: 1 if is_first else -1]
    head = web.head("POST", "/api/v1/webhooks/decision/", JSON, *lines)

    answers = web.sends(
        head.replace(b"Connection: close\r\n", b"") + CHUNKS + web.head("GET", "/api/v1/queues/")
    )

    assert [status for status, _ in answers] == [411]


def test_a_bare_line_feed_ends_a_line_of_a_head(web: Web) -> None:
    answers = web.sends(web.head("GET", "/api/v1/queues/", "X: a\nAuthorization: Bearer other"))

    assert [status for status, _ in answers] == [401]  # two tokens, not one that is overlooked


@pytest.mark.parametrize("name", ["X-Forwarded-For", "If-Match", "Cookie", "X"])
def test_a_header_outside_ascii_is_refused_by_name(web: Web, name: str) -> None:
    ((status, body),) = web.sends(web.head("GET", "/api/v1/queues/", f"{name}: \xff, 192.0.2.1"))

    assert status == 400
    assert f"the header {name.lower()} has characters outside ASCII" in body.decode()


def test_what_reaches_the_api_is_refused_in_its_own_words(web: Web) -> None:
    answers = web.sends(web.head(*POST, JSON, "Content-Length: 1"), b"{")

    ((status, body),) = answers
    assert status == 422
    assert json.loads(body)["code"] == "invalid"


def test_nothing_of_all_that_was_an_error_of_ours(web: Web) -> None:
    lines = web.log.read_text(errors="replace").splitlines()
    logged = [line for line in lines if "DisallowedHost" not in line]  # which Django logs by itself
    ours = [line[:3_000] for line in logged if "api.failed" in line or "Traceback" in line]
    assert ours == []
