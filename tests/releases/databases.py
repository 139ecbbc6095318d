"""Databases beside the tests' own: filled from a release's dump, cloned, and lent to Django for a while."""

from __future__ import annotations

import gzip
import os
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.contrib.contenttypes.models import ContentType
from django.db import connections
from psycopg import sql

from approvals.gateways import aws
from tests import database
from tests.paths import ROOT


def dumps() -> list[Path]:
    """The dump of each release, the oldest first."""
    found = (ROOT / "tests" / "releases").glob("*.sql.gz")
    return sorted(found, key=lambda path: numbers(version(path)))


def version(dump: Path) -> str:
    """Which release wrote this dump."""
    return dump.name.removesuffix(".sql.gz")


def numbers(of: str) -> tuple[int, ...]:
    """A version as numbers, so that 0.10 comes after 0.9."""
    return tuple(int(part) for part in of.split("."))


def this_version() -> str:
    """The version of this tree."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def text(dump: Path) -> str:
    """A dump's text."""
    return gzip.decompress(dump.read_bytes()).decode()


def applied(dump: Path) -> set[tuple[str, str]]:
    """The migrations, as (app, name), that the release of this dump had applied."""
    rows = text(dump).partition("INSERT INTO public.django_migrations VALUES")[2].partition(";")[0]
    return set(re.findall(r"\(\d+, '(\w+)', '(\w+)',", rows))


def url(name: str) -> str:
    """The address of a database on the tests' server."""
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def made(name: str, *, like: str = "template0") -> str:
    """Create the database `name`, empty or a copy of another that nobody is connected to."""
    database.clone(name, like=like)
    return name


def restored(dumped: str, name: str) -> str:
    """Create the database `name` from a dump's SQL."""
    made(name)
    with psycopg.connect(url(name), autocommit=True) as connection:
        connection.execute(dumped.encode())
    return name


@contextmanager
def lent(name: str) -> Iterator[None]:
    """Meanwhile Django, all of its threads, works on the database `name`."""
    settings: dict[str, Any] = connections["default"].settings_dict
    usual = settings["NAME"]
    _forget()
    settings["NAME"] = name
    try:
        yield
    finally:
        _forget()
        settings["NAME"] = usual


def _forget() -> None:
    """Whatever a process remembers of the database and the account it has worked with."""
    connections.close_all()
    ContentType.objects.clear_cache()
    aws.forget()


def as_if_new(name: str) -> None:
    """Move every time of the database to now, by one length: tests move rows, not clocks.

    The audit rows stay as they are: they are append-only, and their times are hashed. So the trail is
    verified before. Triggers that refuse changes of votes and decisions are off meanwhile.
    """
    with psycopg.connect(url(name), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        columns = connection.execute(
            "SELECT table_name, array_agg(column_name::text)"
            " FROM information_schema.columns"
            " WHERE table_schema = 'public' AND data_type = 'timestamp with time zone'"
            " AND table_name LIKE 'approvals\\_%' AND table_name <> 'approvals_auditevent'"
            " GROUP BY table_name"
        ).fetchall()
        (age,) = connection.execute(
            "SELECT now() - max(received_at) FROM approvals_reviewtask"
        ).fetchone()
        for table, names in columns:
            one = sql.SQL("{0} = {0} + %(age)s")
            changes = sql.SQL(", ").join(one.format(sql.Identifier(name)) for name in names)
            change = sql.SQL("UPDATE {} SET {}").format(sql.Identifier(table), changes)
            connection.execute(change, {"age": age})
