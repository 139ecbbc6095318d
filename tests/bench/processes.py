"""The processes of a run: commands as docs/deploy.md documents them, the floors' servers, stub and load."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.processes import dying_with_me, free_port
from tests.paths import ROOT

HOST = "countersign.example"
#: A proxy ends TLS in production; the load stands for it.
HEADERS = {"Host": HOST, "X-Forwarded-Proto": "https"}
WEB_PROCESSES = 2  # the "web pair"
PATIENCE = 30.0  # seconds until a server is ready
BARE_WEB = (
    *("gunicorn", "--worker-class", "gthread", "--threads", "64"),
    *("--workers", str(WEB_PROCESSES), "--no-control-socket"),
)
#: Settings that the shell may vary from their defaults.
TRIED = ("DATABASE_PREPARED_STATEMENTS", "DATABASE_POOL_SIZE", "WEB_CLIENT_REQUESTS")
SECRETS = {
    "SECRET_KEY": "bench-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLM",
    "TOKEN_KEYS": "bench:YmVuY2gtb25seS0wMTIzNDU2Nzg5YWJjZGVmZ2hpams=",
}


class BenchError(Exception):
    """A process did not start, or answered wrongly; the message is one line."""


def documented(process: str) -> list[str]:
    """The command of a process in the table of docs/deploy.md (`web`, `poller`, `worker`, `sweeper`)."""
    text = (ROOT / "docs" / "deploy.md").read_text()
    match = re.search(rf"^\| {process} \| `([^`]+)` \|", text, re.MULTILINE)
    if match is None:
        raise BenchError(f"docs/deploy.md has no command of the process {process}")
    return match[1].split()


def runnable(command: list[str]) -> list[str]:
    """A command with its program in the environment of this Python."""
    program, *rest = command
    if program.startswith("python"):
        return [sys.executable, *rest]
    return [str(Path(sys.executable).parent / program), *rest]


def environment(database: str, stub: int, **more: str) -> dict[str, str]:
    """The environment of a process of the service: production's rules, the stub as AWS and as broker."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "NO_PROXY": "127.0.0.1",
        **SECRETS,
        **{name: os.environ[name] for name in TRIED if name in os.environ},
        "DATABASE_URL": database,
        "PUBLIC_URL": f"https://{HOST}",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{stub}",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "CELERY_QUEUE_URL": f"http://127.0.0.1:{stub}/123456789012/celery",
        **more,
    }


@dataclass
class Process:
    """A running process and its port, 0 if it has none."""

    popen: subprocess.Popen[bytes]
    port: int = 0
    log: Path | None = None

    @property
    def pid(self) -> int:
        """The root of its process tree."""
        return self.popen.pid

    @classmethod
    def start(
        cls, command: list[str], env: Mapping[str, str], log: Path, *, port: int = 0
    ) -> Process:
        """Start a command in the repository; its output goes to `log`. It dies with us."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            popen = subprocess.Popen(
                runnable(command),
                cwd=ROOT,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                preexec_fn=dying_with_me(signal.SIGTERM),  # noqa: PLW1509
            )
        return cls(popen, port, log)

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """One request with JSON; returns the parsed answer. Raises BenchError for another than 2xx."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, HEADERS)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status // 100 != 2:
            raise BenchError(f"{method} {path}: {response.status} {answer[:200]!r}")
        return json.loads(answer) if answer[:1] in b"{[" else answer

    def wait_until_ready(self, path: str) -> None:
        """Wait until a GET of `path` is answered 2xx. Raises BenchError."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                self.request("GET", path)
            except (OSError, http.client.HTTPException, BenchError) as error:
                if self.popen.poll() is not None or time.monotonic() > until:
                    self.stop()
                    raise BenchError(
                        f"no server answers {path}: {str(error)[:80]}; {self._last()}"
                    ) from None
                time.sleep(0.1)
            else:
                return

    def stop(self, grace: float = 15.0) -> None:
        """SIGTERM, and SIGKILL after `grace` seconds."""
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(grace)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()

    def _last(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log else []
        return lines[-1][:300] if lines else "it wrote nothing"


def start_web(env: Mapping[str, str], log: Path) -> Process:
    """The web pair: the documented command with two worker processes."""
    port = free_port()
    env = {**env, "PORT": str(port), "HOST": "127.0.0.1", "WEB_CONCURRENCY": str(WEB_PROCESSES)}
    process = Process.start(documented("web"), env, log, port=port)
    process.wait_until_ready("/healthz/ready")
    return process


def start_bare(application: str, database: str, log: Path) -> Process:
    """The server of a floor or of the peer: threads and processes as the web pair has them.

    `application` is a package below tests.bench with `settings` and `wsgi`.
    """
    port = free_port()
    env = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": database,
        "DJANGO_SETTINGS_MODULE": f"tests.bench.{application}.settings",
    }
    command = [*BARE_WEB, "--bind", f"127.0.0.1:{port}", f"tests.bench.{application}.wsgi"]
    process = Process.start(command, env, log, port=port)
    process.wait_until_ready("/ready/")
    return process


def start_stub(log: Path, port: int) -> Process:
    """The bare stub of AWS."""
    command = ["python", "-m", "tests.bench.stub_aws", str(port)]
    process = Process.start(command, {"PATH": os.environ["PATH"]}, log, port=port)
    process.wait_until_ready("/state")
    return process


@dataclass(frozen=True)
class Load:
    """What the load generator saw; durations in ms."""

    seconds: float
    durations: list[float]
    statuses: dict[str, int]
    claimed: list[str]

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return len(self.durations) / self.seconds

    def expect(self, *statuses: int) -> Load:
        """Raise BenchError if a request was answered otherwise; returns the load."""
        if set(self.statuses) - {str(status) for status in statuses}:
            raise BenchError(f"answers were {self.statuses}, not {statuses}")
        return self


def run_load(plan: Mapping[str, Any]) -> Load:
    """Run the load generator in a process of its own, until its plan is carried out."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"],
        cwd=ROOT,
        input=json.dumps({"headers": HEADERS, "mode": "closed", **plan}).encode(),
        stdout=subprocess.PIPE,
        check=True,
        preexec_fn=dying_with_me(),
    )
    return Load(**json.loads(ran.stdout))
