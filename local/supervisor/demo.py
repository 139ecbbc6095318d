"""`make demo`: everything on one laptop, started in order, watched, and stopped in order.

PostgreSQL and the AWS account are ours (`local`); the rest are the product's own
processes, listed in `programs.py`, with the environment that `surroundings.py` gives them.

The AWS account forgets its workflows when it stops, so reviews of an earlier demo would wait for
executions that no longer exist: each demo starts on an empty database. `KEEP=1` keeps the old one
(the keys in `var/demo/secrets.json` still read it), and a `DATABASE_URL` of your own is used as it
is. While it runs, `var/demo.json` says how to reach it; without a demo there is no such file.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from local import aws
from local.postgres import Server
from local.processes import LocalError
from local.supervisor import notice, surroundings
from local.supervisor.child_processes import Crew
from local.supervisor.programs import PROGRAMS, Program
from local.supervisor.seed import REVIEW_SECONDS, Issued, Person, people, seed

_ROOT = Path(__file__).resolve().parents[2]
_READY_SECONDS = 60.0
_FIRST_REVIEW_SECONDS = 20.0
# After a killed demo its processes need a moment to notice; only then is waiting worth it.
_PATIENCE = 10.0

Seed = Callable[[Mapping[str, str], Sequence[Person], Path], Issued]


@dataclass(frozen=True)
class _Demo:
    root: Path
    environ: Mapping[str, str]
    programs: Sequence[Program]
    seed: Seed
    stopping: threading.Event

    @property
    def var(self) -> Path:
        return self.root / "var"

    @property
    def files(self) -> Path:
        return self.var / "demo"

    @property
    def found(self) -> Path:
        return self.var / "demo.json"


class _StoppedError(Exception):
    """Somebody asked the demo to stop while it was still starting."""


def run(
    *,
    root: Path = _ROOT,
    environ: Mapping[str, str] | None = None,
    programs: Sequence[Program] = PROGRAMS,
    seed: Seed = seed,
) -> int:
    """Run the demo until SIGINT, SIGTERM or SIGHUP and return the exit code.

    Call it from the main thread: the children die with the thread that started them. One clear
    line on standard error and exit code 1 say what is in the way: a port in use, a second demo.
    """
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    demo = _Demo(root, os.environ if environ is None else environ, programs, seed, stopping)
    try:
        with ExitStack() as cleanup:
            _run(demo, cleanup)
    except _StoppedError:
        pass
    except LocalError as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 1
    notice.say("Stopped. Nothing is left running.")
    return 0


def _run(demo: _Demo, cleanup: ExitStack) -> None:
    port = surroundings.web_port(demo.environ)
    cleanup.enter_context(surroundings.only_demo(demo.var / "demo.lock"))
    was_killed = demo.found.exists()
    demo.found.unlink(missing_ok=True)
    surroundings.check_port(port, patience=_PATIENCE if was_killed else 0.0)
    logs = demo.files / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    secrets = surroundings.secrets(demo.files / "secrets.json")

    database = None if demo.environ.get("DATABASE_URL") else _start_postgres(demo, cleanup)
    database_url = database.url if database else demo.environ["DATABASE_URL"]
    account, outputs = _start_aws(demo, logs, cleanup)
    environment = surroundings.environment(
        demo.environ, secrets, port, database_url, account, outputs
    )

    crew = Crew(logs, environment, cwd=demo.root, say=notice.say)
    everybody = people(secrets["password"])
    with _step(demo, "Preparing the database, the queue and the people"):
        issued = demo.seed(environment, everybody, logs / "seed.log")
    environment["DEMO_API_TOKEN"] = issued.api_token
    cleanup.callback(crew.stop)
    _start_processes(demo, crew, environment["PUBLIC_URL"])
    cleanup.callback(demo.found.unlink, missing_ok=True)
    notice.write_found(demo.found, environment, everybody, outputs, issued)
    notice.welcome(environment["PUBLIC_URL"], everybody, logs)
    _show_how_to_decide(demo, crew, environment)
    while not demo.stopping.wait(0.3):
        _check_account(account)
        if database:
            database.revive()
        crew.watch()
    notice.say("Stopping ...")


@contextmanager
def _step(demo: _Demo, what: str) -> Iterator[None]:
    """Show progress, and stop between steps when somebody asked for it."""
    if demo.stopping.is_set():
        raise _StoppedError
    notice.say(f"{what} ...", end=" ")
    started = time.monotonic()
    try:
        yield
    except BaseException:
        notice.say("")
        raise
    notice.say(f"{time.monotonic() - started:.1f} s")


class _Database:
    """The embedded PostgreSQL: durable, so it may come back after a crash, at the same address."""

    def __init__(self, data: Path) -> None:
        self._server = Server.start(data, durable=True, patience=_PATIENCE)
        self.url = self._server.url

    def revive(self) -> None:
        if self._server.process.poll() is not None:
            notice.say("\nPostgreSQL ended. Starting it again; nothing that was saved is lost.")
            self._server = Server.start(
                self._server.data, durable=True, port=self._server.port, patience=_PATIENCE
            )

    def stop(self) -> None:
        self._server.stop()


def _start_postgres(demo: _Demo, cleanup: ExitStack) -> _Database:
    data = demo.files / "postgres"
    with _step(demo, "Starting PostgreSQL"):
        if demo.environ.get("KEEP") != "1" and (data / "PG_VERSION").exists():
            _wait_until_released(data)
            shutil.rmtree(data)
        database = _Database(data)
    cleanup.callback(database.stop)
    return database


def _wait_until_released(data: Path) -> None:
    """A server whose demo was killed a moment ago still writes here until it has shut down."""
    deadline = time.monotonic() + _PATIENCE
    while (data / "postmaster.pid").exists() and time.monotonic() < deadline:
        pid = (data / "postmaster.pid").read_text().partition("\n")[0]
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.1)


def _start_aws(demo: _Demo, logs: Path, cleanup: ExitStack) -> tuple[aws.Account, dict[str, str]]:
    with _step(demo, "Starting the local AWS account"):
        account = aws.start(log=logs / "aws.log")
    cleanup.callback(account.stop)
    with _step(demo, "Deploying the order workflow into it"):
        outputs = aws.deploy(
            account.endpoint,
            account.region,
            _ROOT / "deploy" / "template.yaml",
            {"ReviewTimeoutSeconds": str(REVIEW_SECONDS)},
        )
    return account, outputs


def _start_processes(demo: _Demo, crew: Crew, url: str) -> None:
    with _step(demo, "Starting the processes"):
        for program in demo.programs:
            if not program.needs_web:
                crew.start(program)
        _wait_until_ready(demo, crew, url)
    for program in demo.programs:
        if program.needs_web:
            crew.start(program)


def _wait_until_ready(demo: _Demo, crew: Crew, url: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not notice.answers(f"{url}/healthz/ready"):
        if demo.stopping.wait(0.2):
            raise _StoppedError
        crew.check_all_alive()
        if time.monotonic() > deadline:
            raise LocalError(f"{url}/healthz/ready did not answer in {_READY_SECONDS:.0f} s")


def _show_how_to_decide(demo: _Demo, crew: Crew, environment: Mapping[str, str]) -> None:
    """The first review makes the line complete; without one it shows where its id belongs."""
    deadline = time.monotonic() + _FIRST_REVIEW_SECONDS
    url, token = environment["PUBLIC_URL"], environment["DEMO_API_TOKEN"]
    review = None
    while review is None and time.monotonic() < deadline and not demo.stopping.wait(0.5):
        crew.watch()
        review = notice.first_review(url, token)
    if not demo.stopping.is_set():
        notice.how_to_decide(url, token, review or "REVIEW_ID")


def _check_account(account: aws.Account) -> None:
    if account.process.poll() is not None:
        raise LocalError("the local AWS died and its workflows with it: start the demo again")
