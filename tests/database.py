"""A pytest plugin: without a DATABASE_URL, it starts a PostgreSQL for this run.

Loaded with `-p`, so that it comes before pytest-django reads the settings. The server has a migrated
database, TEMPLATE, of which the workers of xdist and the tests of real processes make copies. A cluster
with it is kept in var/ for the next run; its name is a hash of what it depends on.
"""

from __future__ import annotations

import gc
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from local.postgres import Server
from tests.paths import ROOT

TEMPLATE = "countersign_template"
VAR = Path("var").resolve()

# As early as a plugin can: nearly all that is made while tests are collected stays.
gc.set_threshold(100_000, 50, 100)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """Start the server before the settings are read; xdist's workers inherit its URL."""
    if "TEST_TEMPLATE" not in os.environ:
        if "DATABASE_URL" in os.environ:
            migrate_template(os.environ["DATABASE_URL"])
        else:
            server = started()
            os.environ["DATABASE_URL"] = server.url

            def leave() -> None:
                server.stop()
                shutil.rmtree(server.data, ignore_errors=True)

            early_config.add_cleanup(leave)
        os.environ["TEST_TEMPLATE"] = TEMPLATE
    return (yield)


def migrate_template(server: str) -> None:
    """Create the database TEMPLATE on a server, by the migrations."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity=0", "--settings=tests.settings"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": urlsplit(server)._replace(path=f"/{TEMPLATE}").geturl()},
        check=True,
    )


def clone(name: str, *, like: str = TEMPLATE) -> str:
    """Create the database `name` on the tests' server as a copy of another; returns its URL."""
    server = os.environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}"')
    return urlsplit(server)._replace(path=f"/{name}").geturl()


def drop(name: str) -> None:
    """Drop the database `name` of the tests' server, whatever is connected to it."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def start_server(data: Path) -> Server:
    """Start a durable server with the TEMPLATE for a test that may stop it."""
    kept = VAR / f"test-template-{_mark()}"
    if kept.exists():
        _copy(kept, data)
        return Server.start(data, durable=True)
    server = Server.start(data, durable=True)
    migrate_template(server.url)
    return server


def started() -> Server:
    """A server on a copy of the kept cluster, which is built first if there is none."""
    data = VAR / f"test-postgres-{os.getpid()}"
    kept = VAR / f"test-template-{_mark()}"
    if not kept.exists():
        server = Server.start(data, durable=False)
        migrate_template(server.url)
        if server.data != data:  # where PostgreSQL cannot reach var/, nothing is kept
            return server
        server.stop()
        for old in VAR.glob("test-template-*"):
            shutil.rmtree(old, ignore_errors=True)
        _copy(data, data.with_suffix(".kept"))
        data.with_suffix(".kept").rename(kept)
    else:
        _copy(kept, data)
    return Server.start(data, durable=False)


def _copy(cluster: Path, to: Path) -> None:
    subprocess.run(["cp", "-a", str(cluster), str(to)], check=True)


def _mark() -> str:
    """A hash of the migrations, the installed packages and this module."""
    sources = [
        *(ROOT / "approvals/migrations").glob("*.py"),
        ROOT / "requirements.txt",
        Path(__file__),
    ]
    text = b"".join(path.read_bytes() for path in sorted(sources))
    return hashlib.sha256(text).hexdigest()[:12]
