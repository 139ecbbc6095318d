"""The demo's processes: one demo per clone, on its port, watched, and ended when it stops or is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from local.aws import Account
from local.processes import LocalError, free_port
from local.supervisor.child_processes import ChildProcesses
from local.supervisor.environment import process_environment
from local.supervisor.private_files import demo_secrets
from local.supervisor.programs import PROGRAMS, Program
from tests.measured import measured
from tests.paths import ROOT


class Demo:
    """A demo of dummy processes in a clone of its own, seen from outside."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = free_port()
        self.found = root / "var" / "demo.json"
        self._started: list[subprocess.Popen[str]] = []

    def start(self, behaviour: str = "", **environ: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests/local/dummy_demo.py"), str(self.root), behaviour],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT),
                "PORT": str(self.port),
                "AWS_PROFILE": "company",
                **measured(),
                **environ,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def refusal(self, **environ: str) -> str:
        """Start a demo that may not start; return its standard error, which must be one line, with exit 1."""
        output, errors = self.start(**environ).communicate(timeout=20)
        assert self._started[-1].returncode == 1, output
        assert errors.count("\n") == 1
        return errors

    def wait_until_found(self, after: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what `demo.json` contains, once it is there and differs from `after`."""
        wait_for(lambda: self.found.exists() and json.loads(self.found.read_text()) != after)
        found: dict[str, Any] = json.loads(self.found.read_text())
        return found

    def database(self) -> str:
        return (self.root / "var/demo/logs/seed.log").read_text().strip()

    def processes(self) -> list[int]:
        """Every living process that works for this clone, the supervisor apart."""
        marks = (str(self.root), f"PORT={self.port}")
        return [
            pid
            for pid in (int(path.name) for path in Path("/proc").glob("[0-9]*"))
            if pid != os.getpid()
            and pid not in {process.pid for process in self._started}
            and any(mark in described(pid) for mark in marks)
        ]

    def close(self) -> None:
        for process in self._started:
            process.kill()
            process.communicate()
        wait_for(lambda: not self.processes())


def described(pid: int) -> str:
    """Command line and environment of a living process."""
    try:
        parts = [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
    except OSError:
        return ""
    return b"\0".join(parts).decode(errors="replace").replace("\0", " ")


def wait_for(condition: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def demo() -> Iterator[Demo]:
    root = Path(tempfile.mkdtemp())
    demo = Demo(root)
    yield demo
    demo.close()
    shutil.rmtree(root)


def test_demo_json_describes_the_demo_and_nothing_is_left_when_it_stops(demo: Demo) -> None:
    process = demo.start()
    found = demo.wait_until_found()

    assert demo.found.stat().st_mode & 0o777 == 0o600
    assert list(found) == [
        *("url", "api_token", "users", "aws_endpoint", "region"),
        *("queue", "queue_url", "state_machine_arn", "webhook_secret"),
    ]
    assert found["url"] == f"http://127.0.0.1:{demo.port}"
    assert (found["api_token"], found["queue"]) == ("the-token", "manual-review")
    assert found["webhook_secret"] == "whsec_of-the-demo"
    assert [user["role"] for user in found["users"]] == ["lead", "reviewer", "viewer"]
    assert found["queue_url"].startswith(found["aws_endpoint"])
    assert (demo.root / "var/demo/secrets.json").stat().st_mode & 0o777 == 0o600
    # A profile of the shell must not select a real account.
    assert "shell None" in (demo.root / "var/demo/logs/web.log").read_text()
    assert "already running in this clone" in demo.refusal()
    time.sleep(0.7)  # until the line for the shell is printed
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=15)

    assert (process.returncode, errors) == (0, "")
    assert "reviews/review-1/decisions/" in output
    assert output.endswith("Stopping ...\nStopped. Nothing is left running.\n")
    assert demo.processes() == []
    assert not demo.found.exists()


def test_a_killed_demo_leaves_nothing_and_starts_again(demo: Demo) -> None:
    process = demo.start()
    first = demo.wait_until_found()
    with psycopg.connect(demo.database()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    process.kill()
    demo.start("light", KEEP="1")  # at once: what is dying still holds the port and the data

    demo.wait_until_found(after=first)
    with psycopg.connect(demo.database()) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
    demo.close()
    demo.found.unlink()
    fresh = demo.start("light")
    demo.wait_until_found()
    with psycopg.connect(demo.database()) as connection:
        assert connection.execute("SELECT to_regclass('kept')").fetchone() == (None,)
    fresh.send_signal(signal.SIGINT)
    assert fresh.wait(15) == 0
    assert demo.processes() == []


def test_a_port_in_use_is_one_clear_line_that_says_how_to_choose_another(demo: Demo) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", demo.port))
        other.listen()
        line = demo.refusal()

    assert f"port {demo.port} is in use" in line
    assert "PORT=" in line
    assert demo.processes() == []


def test_a_port_that_is_none_is_one_clear_line(demo: Demo) -> None:
    assert "PORT=http is not a port" in demo.refusal(PORT="http")


@pytest.mark.parametrize("command", [["-m", "local.supervisor"], ["manage.py", "demo"]])
def test_both_commands_start_the_demo_without_djangos_settings(command: Any) -> None:
    refused = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PORT": "http", **measured()},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "PORT=http is not a port: use a number from 1 to 65535\n"


def test_a_web_process_that_does_not_start_ends_the_demo_with_its_last_output(demo: Demo) -> None:
    output, errors = demo.start("no-web").communicate(timeout=20)

    assert "The web process ended (exit code 3). Its last output:\n    out of paper" in output
    assert "the web process did not start" in errors
    assert demo.processes() == []


def test_a_process_that_keeps_dying_is_restarted_and_then_given_up(demo: Demo) -> None:
    process = demo.start("crash")
    output, errors = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "out of paper" in output
    assert output.count("Restarting it") == 2
    assert "the traffic process died 3 times" in errors
    assert demo.processes() == []


def test_postgresql_is_brought_back_at_the_same_address(demo: Demo) -> None:
    demo.start("light")
    demo.wait_until_found()
    url = demo.database()
    pid_file = demo.root / "var/demo/postgres/postmaster.pid"
    os.kill(int(pid_file.read_text().partition("\n")[0]), signal.SIGKILL)

    def answers() -> bool:
        try:
            with psycopg.connect(url) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False

    wait_for(lambda: not answers())
    wait_for(answers)


def test_a_database_of_ones_own_is_used_and_ours_stays_off(demo: Demo) -> None:
    demo.start("light", DATABASE_URL="postgres://somebody@db.example.com/countersign")
    demo.wait_until_found()

    assert demo.database() == "postgres://somebody@db.example.com/countersign"
    assert not (demo.root / "var/demo/postgres").exists()


def test_a_crashed_child_comes_back_and_its_leftovers_do_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.supervisor.child_processes._PAUSE_SECONDS", 0.0)
    mark = tmp_path / "times"
    code = (
        "import pathlib, subprocess, sys, time; "
        f"mark = pathlib.Path({str(mark)!r}); "
        "times = mark.read_text() if mark.exists() else ''; "
        "helper = subprocess.Popen(['sleep', '600']); "
        "mark.write_text(times + f'{helper.pid} '); "
        "sys.exit('first time') if not times else time.sleep(600)"
    )
    lines: list[str] = []
    children = ChildProcesses(tmp_path, dict(os.environ), cwd=tmp_path, say=lines.append)
    children.start(Program("odd", (sys.executable, "-c", code)))

    def twice() -> bool:
        children.watch()
        return mark.exists() and len(mark.read_text().split()) == 2

    wait_for(twice)
    children.stop()

    assert "    first time" in lines
    helpers = [int(pid) for pid in mark.read_text().split()]
    wait_for(lambda: not any("sleep" in described(pid) for pid in helpers))


def test_secrets_are_made_once_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"

    first = demo_secrets(path)

    assert demo_secrets(path) == first
    assert first["token_keys"].startswith("demo:")
    path.write_text("{")
    with pytest.raises(LocalError, match="remove it"):
        demo_secrets(path)


def test_the_environment_is_the_contracts_and_nothing_of_another_installation() -> None:
    account = Account(process=None, endpoint="http://127.0.0.1:5")  # type: ignore[arg-type]
    shell = {
        "HOME": "/home/ada",
        "AWS_ENDPOINT_URL_SQS": "https://sqs.example.com",
        "AWS_SESSION_TOKEN": "real",
        "CELERY_BROKER_URL": "redis://elsewhere",
        "DEBUG": "1",
        "SECRET_KEY_FILE": "/run/secrets/key",
    }
    made = process_environment(
        shell,
        {"secret_key": "s", "token_keys": "demo:k"},
        8000,
        "postgres://db",
        account,
        {
            "CeleryQueueUrl": "c",
            "ReviewQueueUrl": "r",
            "StateMachineArn": "arn",
            "StateMachineAliasArn": "arn:live",
        },
    )

    assert made["HOME"] == "/home/ada"
    assert (made["AWS_ENDPOINT_URL"], made["AWS_REGION"]) == ("http://127.0.0.1:5", "us-east-1")
    assert made["ORDER_FULFILLMENT_STATE_MACHINE_ARN"] == "arn:live"
    assert "STATUS_EVENTS_QUEUE_URL" not in made
    assert not (shell.keys() - {"HOME", "DEBUG"}) & made.keys()
    assert "DEBUG" not in made


def test_the_page_starts_first_and_stops_last() -> None:
    assert [program.name for program in PROGRAMS] == [
        *("web", "worker", "sweeper", "poller"),
        "traffic",
    ]
