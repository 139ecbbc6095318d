"""The web process as it is started in production, on a database of its own, and connections held open."""

from __future__ import annotations

import atexit
import contextlib
import functools
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from local.processes import dying_with_me, free_port
from tests import database, desk
from tests.conditions import wait_until
from tests.fuzz.world import MACHINE
from tests.paths import ROOT

PEOPLE = """
from django.test import Client
from approvals.actions import credentials, people
from approvals.actors import COMMAND_LINE
clerk = people.create("clerk@example.com", by=COMMAND_LINE)
people.grant_site(clerk, "orders", by=COMMAND_LINE)
browser = Client()
browser.force_login(clerk)
print(browser.cookies["countersign"].value)
print(credentials.issue_token(clerk, "abuse", by=COMMAND_LINE))
"""


@dataclass
class Web:
    """A running web process, a session and an API token of a person who may start orders."""

    process: subprocess.Popen[bytes]
    port: int
    probe_port: int
    session: str
    token: str
    log: Path
    environment: dict[str, str]

    def get(self, path: str, *, port: int = 0, headers: dict[str, str] | None = None) -> Answer:
        """GET a path on a connection of its own."""
        return self.request("GET", path, port=port, headers=headers)

    def lives(self) -> bool:
        """Whether the probe is answered."""
        try:
            return self.get("/healthz/live").status == 200
        except OSError:
            return False

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def second(self) -> subprocess.CompletedProcess[str]:
        """The end of another web process with the same environment."""
        return subprocess.run(
            [sys.executable, *desk.COMMANDS["web"]],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def page(self) -> Answer:
        """The home page of the person who has signed in."""
        return self.get("/", headers={"Cookie": f"countersign={self.session}"})

    def order(self, number: int) -> Answer:
        """Start an order."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        return self.request(
            "POST", "/api/v1/orders/", headers=headers, body=f'{{"order_id": "A-{number}"}}'
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        port: int = 0,
        headers: dict[str, str] | None = None,
        body: str | None = None,
    ) -> Answer:
        """Send a request on a connection of its own. Raises TimeoutError after 30 s."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=30)
        began = time.monotonic()
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.read(), time.monotonic() - began)
        finally:
            connection.close()

    @contextlib.contextmanager
    def holding(self, sent: bytes, count: int) -> Iterator[Sequence[socket.socket]]:
        """Hold so many connections open, each of which has sent this and says nothing more."""
        with contextlib.ExitStack() as stack:
            lines = []
            for _ in range(count):
                line = socket.create_connection(("127.0.0.1", self.port), timeout=30)
                stack.enter_context(line)
                line.sendall(sent)
                lines.append(line)
            yield lines

    def has_hung_up_on(self, lines: Sequence[socket.socket]) -> bool:
        """Whether the server has ended all of these connections."""
        for line in lines:
            line.setblocking(False)
            try:
                while line.recv(4096):
                    pass
            except BlockingIOError:
                return False
            except OSError:
                pass
        return True


@dataclass(frozen=True)
class Answer:
    """A response, and the seconds that it took."""

    status: int
    body: bytes
    seconds: float


@functools.cache
def _people() -> tuple[str, str, str]:
    """A database with PEOPLE, made once by a process of tests: its name, the session and the token."""
    name = f"served_people_{os.getpid()}"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DJANGO_")} | {
        "DATABASE_URL": database.clone(name)
    }
    shell = [sys.executable, "manage.py", "shell", "-v", "0", "-c", PEOPLE]
    made = subprocess.run(shell, cwd=ROOT, env=environment, capture_output=True, check=True)

    def drop() -> None:
        with contextlib.suppress(psycopg.OperationalError):  # the server may have gone first
            database.drop(name)

    atexit.register(drop)
    session, token = made.stdout.decode().split()[-2:]
    return name, session, token


@contextlib.contextmanager
def web(folder: Path, command: Sequence[str] = desk.COMMANDS["web"], **more: str) -> Iterator[Web]:
    """The web process, until the end of the block; `more` are variables of its environment."""
    people, session, token = _people()
    name, port, probe_port = f"served_{os.getpid()}_{free_port()}", free_port(), free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DJANGO_")} | {
        "DATABASE_URL": database.clone(name, like=people),
        "PORT": str(port),
        "PROBE_PORT": str(probe_port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "ALLOWED_HOSTS": "127.0.0.1",
        "ORDER_FULFILLMENT_STATE_MACHINE_ARN": MACHINE,
        "API_RATE_PER_MINUTE": "0",
    }
    environment |= more
    process = None
    log = folder / "web.log"
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=output,
                preexec_fn=dying_with_me(),  # noqa: PLW1509
            )
        served = Web(process, port, probe_port, session, token, log, environment)
        wait_until(served.lives, seconds=60, what="the web process")
        yield served
    finally:
        if process and process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        database.drop(name)
