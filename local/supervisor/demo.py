"""`make demo`: starts the whole service on one machine in order, watches it, and stops it in order.

PostgreSQL and the AWS account come from `local`. The other processes are the product's own, listed
in `programs.py`; `environment.py` makes their environment variables.

The AWS account forgets its workflows when it stops, so reviews of an earlier demo would wait for
executions that no longer exist: each demo starts with an empty database. `KEEP=1` keeps the old one
(the keys in `var/demo/secrets.json` still read it), and your own `DATABASE_URL` is used as it is.
`var/demo.json` says how to reach the demo, and exists only while it runs.
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
from local.supervisor import console, demo_json, web_client
from local.supervisor.child_processes import ChildProcesses
from local.supervisor.demo_data import REVIEW_SECONDS, Issued, Person, people, seed
from local.supervisor.environment import process_environment, web_port
from local.supervisor.manage import write_settings
from local.supervisor.private_files import demo_secrets
from local.supervisor.programs import PROGRAMS, Program
from local.supervisor.single_instance import check_port, demo_lock

_ROOT = Path(__file__).resolve().parents[2]
_READY_SECONDS = 60.0
_FIRST_REVIEW_SECONDS = 20.0
# The processes of a killed demo need a moment to notice it.
_PATIENCE_SECONDS = 10.0

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
    def folder(self) -> Path:
        return self.var / "demo"

    @property
    def json_file(self) -> Path:
        return self.var / "demo.json"


class _StoppedError(Exception):
    """A signal came while the demo was still starting."""


def run(
    *,
    root: Path = _ROOT,
    environ: Mapping[str, str] | None = None,
    programs: Sequence[Program] = PROGRAMS,
    seed: Seed = seed,
) -> int:
    """Run the demo until SIGINT, SIGTERM or SIGHUP and return the exit code.

    Call it from the main thread: the children die with the thread that started them. A problem, such
    as a port in use or a second demo, is one line on standard error and exit code 1.
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
    console.say("Stopped. Nothing is left running.")
    return 0


def _run(demo: _Demo, cleanup: ExitStack) -> None:
    port = web_port(demo.environ)
    cleanup.enter_context(demo_lock(demo.var / "demo.lock"))
    was_killed = demo.json_file.exists()
    demo.json_file.unlink(missing_ok=True)
    check_port(port, patience=_PATIENCE_SECONDS if was_killed else 0.0)
    logs = demo.folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    secrets = demo_secrets(demo.folder / "secrets.json")

    database = None if demo.environ.get("DATABASE_URL") else _start_postgres(demo, cleanup)
    database_url = database.url if database else demo.environ["DATABASE_URL"]
    account, outputs = _start_aws(demo, logs, cleanup)
    environment = process_environment(demo.environ, secrets, port, database_url, account, outputs)

    children = ChildProcesses(logs, environment, cwd=demo.root, say=console.say)
    everybody = people(secrets["password"])
    with _step(demo, "Preparing the database, the queue and the people"):
        issued = demo.seed(environment, everybody, logs / "seed.log")
    environment["DEMO_API_TOKEN"] = issued.api_token
    cleanup.callback(children.stop)
    _start_processes(demo, children, environment["PUBLIC_URL"])
    cleanup.callback(demo.json_file.unlink, missing_ok=True)
    settings = demo.folder / "settings.json"
    cleanup.callback(settings.unlink, missing_ok=True)
    write_settings(settings, environment, demo.environ)
    demo_json.write(demo.json_file, environment, everybody, outputs, issued)
    console.welcome(environment["PUBLIC_URL"], everybody, logs)
    _show_how_to_decide(demo, children, environment)
    while not demo.stopping.wait(0.3):
        _check_account(account)
        if database:
            database.restart_if_ended()
        children.watch()
    console.say("Stopping ...")


@contextmanager
def _step(demo: _Demo, what: str) -> Iterator[None]:
    """Print the step and its seconds. Raises _StoppedError if a signal came before it."""
    if demo.stopping.is_set():
        raise _StoppedError
    console.say(f"{what} ...", end=" ")
    started = time.monotonic()
    try:
        yield
    except BaseException:
        console.say("")
        raise
    console.say(f"{time.monotonic() - started:.1f} s")


class _Database:
    """The embedded PostgreSQL, durable, so that it can be started again after a crash."""

    def __init__(self, data: Path) -> None:
        self._server = Server.start(data, durable=True, patience=_PATIENCE_SECONDS)
        self.url = self._server.url

    def restart_if_ended(self) -> None:
        """Start it again at the same address if it has ended."""
        if self._server.process.poll() is not None:
            console.say("\nPostgreSQL ended. Starting it again; nothing that was saved is lost.")
            self._server = Server.start(
                self._server.data, durable=True, port=self._server.port, patience=_PATIENCE_SECONDS
            )

    def stop(self) -> None:
        self._server.stop()


def _start_postgres(demo: _Demo, cleanup: ExitStack) -> _Database:
    data = demo.folder / "postgres"
    with _step(demo, "Starting PostgreSQL"):
        if demo.environ.get("KEEP") != "1" and (data / "PG_VERSION").exists():
            _wait_until_released(data)
            shutil.rmtree(data)
        database = _Database(data)
    cleanup.callback(database.stop)
    return database


def _wait_until_released(data: Path) -> None:
    """Wait for the server of a demo that was just killed: it writes to `data` until it has ended."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
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


def _start_processes(demo: _Demo, children: ChildProcesses, url: str) -> None:
    with _step(demo, "Starting the processes"):
        for program in demo.programs:
            if not program.needs_web:
                children.start(program)
        _wait_until_ready(demo, children, url)
    for program in demo.programs:
        if program.needs_web:
            children.start(program)


def _wait_until_ready(demo: _Demo, children: ChildProcesses, url: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not web_client.is_ready(url):
        if demo.stopping.wait(0.2):
            raise _StoppedError
        children.check_all_alive()
        if time.monotonic() > deadline:
            raise LocalError(f"{url}/healthz/ready did not answer in {_READY_SECONDS:.0f} s")


def _show_how_to_decide(
    demo: _Demo, children: ChildProcesses, environment: Mapping[str, str]
) -> None:
    """Print how to decide the first review; with REVIEW_ID in place of its id if none comes in time."""
    deadline = time.monotonic() + _FIRST_REVIEW_SECONDS
    url, token = environment["PUBLIC_URL"], environment["DEMO_API_TOKEN"]
    review = None
    while review is None and time.monotonic() < deadline and not demo.stopping.wait(0.5):
        children.watch()
        review = web_client.first_review(url, token)
    if not demo.stopping.is_set():
        console.how_to_decide(url, token, review or "REVIEW_ID")


def _check_account(account: aws.Account) -> None:
    if account.process.poll() is not None:
        raise LocalError("the local AWS died and its workflows with it: start the demo again")
