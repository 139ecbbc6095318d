"""The demo: one per clone, on its port, watched, and ended when it stops or is killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import psycopg
import pytest

from tests.conditions import wait_until
from tests.local.supervisor.demos import Demo
from tests.measured import measured
from tests.paths import ROOT


def test_demo_json_describes_the_demo_and_nothing_is_left_when_it_stops(demo: Demo) -> None:
    run = demo.start("full")
    found = demo.description()

    assert demo.json_file.stat().st_mode & 0o777 == 0o600
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
    wait_until(lambda: "reviews/review-1/decisions/" in run.output, what="the line for the shell")

    assert (run.stop(signal.SIGTERM), run.errors) == (0, "")
    assert run.output.endswith("Stopping ...\nStopped. Nothing is left running.\n")
    assert demo.processes() == []
    assert not demo.json_file.exists()


def test_a_killed_demo_leaves_nothing_and_starts_again(demo: Demo) -> None:
    run = demo.start("account")
    first = demo.description()
    with psycopg.connect(demo.database()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    run.process.kill()
    demo.start("light", KEEP="1")  # at once: what is dying still holds the port and the data

    demo.description(after=first)
    with psycopg.connect(demo.database()) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
    demo.close()
    demo.json_file.unlink()
    fresh = demo.start("light")
    demo.description()
    with psycopg.connect(demo.database()) as connection:
        assert connection.execute("SELECT to_regclass('kept')").fetchone() == (None,)
    assert fresh.stop(signal.SIGINT) == 0
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
def test_both_commands_start_the_demo_without_djangos_settings(command: list[str]) -> None:
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
    run = demo.start("no-web")

    assert run.wait() == 1
    assert "The web process ended (exit code 3). Its last output:\n    out of paper" in run.output
    assert "the web process did not start" in run.errors
    assert demo.processes() == []


def test_a_process_that_keeps_dying_is_restarted_ever_later_and_the_others_go_on(
    demo: Demo,
) -> None:
    run = demo.start("crash")

    wait_until(
        lambda: run.output.count("Restarting it") == 6,
        seconds=60,
        what="the sixth death of traffic",
    )

    assert "out of paper" in run.output
    assert "it ended 6 times in a row: see " in run.output
    assert run.process.poll() is None
    assert demo.description()["url"] == f"http://127.0.0.1:{demo.port}"
    assert (run.stop(signal.SIGTERM), run.errors) == (0, "")
    assert demo.processes() == []


def test_postgresql_is_brought_back_at_the_same_address(demo: Demo) -> None:
    demo.start()
    demo.description()
    url = demo.database()
    pid_file = demo.root / "var/demo/postgres/postmaster.pid"
    killed = pid_file.read_text().partition("\n")[0]
    os.kill(int(killed), signal.SIGKILL)

    def is_back() -> bool:
        if not pid_file.exists() or pid_file.read_text().partition("\n")[0] == killed:
            return False
        try:
            with psycopg.connect(url) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False

    wait_until(is_back, what="another PostgreSQL at the same address")


def test_a_database_of_ones_own_is_used_and_ours_stays_off(demo: Demo) -> None:
    demo.start(DATABASE_URL="postgres://somebody@db.example.com/countersign")
    demo.description()

    assert demo.database() == "postgres://somebody@db.example.com/countersign"
    assert not (demo.root / "var/demo/postgres").exists()
