"""Migrations against the release before, which still runs while they do: they expand, and never block it long."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.core.management import call_command
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation
from psycopg import sql
from pytest_django.plugin import DjangoDbBlocker

from approvals.models import (
    AuditEvent,
    Decision,
    OrderExecution,
    OutboxAttempt,
    OutboxEntry,
    QuarantinedMessage,
    QueueMembership,
    ReviewQueue,
    ReviewTask,
    User,
    Vote,
)
from tests.database import drop
from tests.measured import measured
from tests.paths import ROOT
from tests.releases import databases
from tests.releases.expansion import ALLOWED, APP, Before, findings, objections

FIRST, *_ = databases.dumps()
LOADER = MigrationLoader(None, ignore_no_migrations=True)
OURS = [name for app, name in sorted(LOADER.disk_migrations) if app == APP]
LATER = [name for name in OURS if (APP, name) not in databases.applied(FIRST)]
WRITTEN: tuple[type[models.Model], ...] = (
    AuditEvent, Decision, OrderExecution, OutboxAttempt, OutboxEntry, QuarantinedMessage,
    QueueMembership, ReviewQueue, ReviewTask, User, Vote,
)  # fmt: skip
DESK_LOCK_TIMEOUT = 10  # seconds, config/settings.py: a migration must give up before the desk does
PATIENCE = 300  # seconds for a process that applies every migration on a busy machine


def before(name: str) -> Before:
    """The newest release that does not have this migration, and the state it starts from."""
    older = [d for d in databases.dumps() if (APP, name) not in databases.applied(d)]
    last = max(name for app, name in databases.applied(older[-1]) if app == APP)
    tables = {model for app, model in LOADER.project_state((APP, last)).models if app == APP}
    return Before(tables, LOADER.project_state((APP, name), at_end=False))


@pytest.mark.parametrize("name", LATER)
def test_a_migration_only_does_what_the_release_before_survives(name: str) -> None:
    assert objections(LOADER.disk_migrations[APP, name], before(name)) == []


def test_nothing_is_allowed_that_nothing_does() -> None:
    found = [f for name in LATER for f in findings(LOADER.disk_migrations[APP, name], before(name))]

    assert set(ALLOWED) <= set(found)


INDEX = models.Index("reference", "title", name="new")
MUST = models.CheckConstraint(condition=models.Q(priority__gte=0), name="new")
ONE_WAY = migrations.RunPython(lambda *_: None)
TEXT = models.CharField(max_length=5)
BAD = {
    "RemoveField on reviewtask": migrations.RemoveField("ReviewTask", "title"),
    "RenameField on reviewtask": migrations.RenameField("ReviewTask", "title", "name"),
    "RenameModel on reviewtask": migrations.RenameModel("ReviewTask", "Review"),
    "DeleteModel on vote": migrations.DeleteModel("Vote"),
    "AlterModelTable on vote": migrations.AlterModelTable("Vote", "votes"),
    "AlterUniqueTogether on vote": migrations.AlterUniqueTogether("Vote", {("review",)}),
    "AddIndex on reviewtask": migrations.AddIndex("ReviewTask", INDEX),
    "AddConstraint on reviewtask": migrations.AddConstraint("ReviewTask", MUST),
    "neither null nor has a default": migrations.AddField("ReviewTask", "extra", TEXT),
    "turns varchar(200) into varchar(5)": migrations.AlterField("ReviewTask", "title", TEXT),
    "is no longer null": migrations.AlterField(
        "ReviewTask", "item_index", models.PositiveIntegerField()
    ),
    "loses its default": migrations.AlterField("Vote", "cast_at", models.DateTimeField()),
    "makes an index": migrations.AddField("Vote", "extra", models.IntegerField(null=True, unique=True)),
    "RunPython cannot be reversed": ONE_WAY,
    "RunSQL cannot be reversed": migrations.RunSQL("SELECT 1"),
    "AddIndexConcurrently cannot be run again": AddIndexConcurrently("ReviewTask", INDEX),
    "SeparateDatabaseAndState hides": migrations.SeparateDatabaseAndState([], []),
}  # fmt: skip
GOOD = [
    migrations.CreateModel("Note", [("id", models.BigAutoField(primary_key=True))]),
    migrations.AddField("Note", "text", TEXT),
    migrations.AddField("ReviewTask", "extra", models.CharField(max_length=5, null=True)),
    migrations.AddField("ReviewTask", "kind", models.CharField(max_length=5, db_default="")),
    migrations.AlterField("ReviewTask", "title", models.CharField(max_length=400, blank=True)),
    migrations.AlterField("ReviewTask", "sqs_message_id", models.TextField(blank=True)),
    migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS new", migrations.RunSQL.noop),
    AddIndexConcurrently("ReviewTask", INDEX),
    migrations.RemoveIndex("ReviewTask", "review_by_reference"),
    migrations.RunPython(migrations.RunPython.noop, migrations.RunPython.noop),
]


def judged(*operations: Operation) -> list[str]:
    """What is said of a migration of these operations that follows the first later one."""
    migration = Migration("9999_judged", APP)
    migration.operations = list(operations)  # type: ignore[misc]  # as Migration.__init__ does it
    known = before(LATER[0])
    return objections(migration, known)


@pytest.mark.parametrize("expected", BAD)
def test_what_would_stop_the_release_before_is_noticed(expected: str) -> None:
    [said] = judged(BAD[expected])

    assert expected in said


def test_what_it_survives_is_not_objected_to() -> None:
    assert judged(*GOOD) == []


def test_models_take_new_names_without_a_statement_to_the_database() -> None:
    name = "0010_model_names"
    state = LOADER.project_state((APP, name), at_end=False)
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        after = LOADER.disk_migrations[APP, name].apply(state, editor, collect_sql=True)

    assert [line for line in editor.collected_sql if not line.startswith("--")] == []
    tables = {
        m: after.models[APP, m].options["db_table"] for m in ("idempotencykey", "executionhistory")
    }
    assert tables == {
        "idempotencykey": "approvals_receipt",
        "executionhistory": "approvals_executionreading",
    }
    assert {(APP, "receipt"), (APP, "executionreading")}.isdisjoint(after.models)


# --- the release before goes on writing


def columns(name: str) -> dict[str, list[str]]:
    """The columns of each table of a database."""
    with psycopg.connect(databases.url(name)) as connection:
        rows = connection.execute(
            "SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position)"
            " FROM information_schema.columns WHERE table_schema = 'public' GROUP BY table_name"
        ).fetchall()
    return dict(rows)


def ours(name: str) -> tuple[dict[str, list[str]], int]:
    """Our tables with their columns, and how many of our migrations are recorded as done."""
    with psycopg.connect(databases.url(name)) as connection:
        [(done,)] = connection.execute(
            "SELECT count(*) FROM django_migrations WHERE app = 'approvals'"
        ).fetchall()
    return {t: c for t, c in columns(name).items() if t.startswith("approvals_")}, done


@pytest.fixture
def database(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Callable[[Path], str]]:
    """`database(dump)`: a database as that release left it."""
    names: list[str] = []

    def restore(dump: Path) -> str:
        names.append(databases.restored(databases.text(dump), f"migrating_{os.getpid()}"))
        return names[-1]

    with django_db_blocker.unblock():
        yield restore
    for name in names:
        drop(name)


@pytest.mark.parametrize("dump", databases.dumps(), ids=databases.version)
def test_the_release_before_can_still_insert_its_rows_column_by_column(
    database: Callable[[Path], str], dump: Path
) -> None:
    name = database(dump)
    known = columns(name)
    with databases.lent(name):
        call_command("migrate", verbosity=0)

    inserted = set()
    with psycopg.connect(databases.url(name)) as connection:
        for table in sorted(known.keys() - {"django_migrations"}):
            with connection.transaction(force_rollback=True):
                if inserted_again(connection, table, known[table]):
                    inserted.add(table)
            assert required(connection, table) <= set(known[table])
    assert {model._meta.db_table for model in WRITTEN} <= inserted
    assert len(inserted) >= 13


def inserted_again(connection: psycopg.Connection, table: str, known: list[str]) -> int:
    """Take all rows out and put them in again, naming only these columns; how many there were."""
    names = {
        "columns": sql.SQL(", ").join(map(sql.Identifier, known)),
        "table": sql.Identifier(table),
    }
    done = connection.cursor()
    for statement in (
        "CREATE TEMP TABLE kept AS SELECT {columns} FROM {table}",
        "SET LOCAL session_replication_role = replica",
        "DELETE FROM {table}",
        "SET LOCAL session_replication_role = origin",
        "INSERT INTO {table} ({columns}) SELECT {columns} FROM kept",
    ):
        done.execute(sql.SQL(statement).format(**names))
    rows = done.rowcount
    done.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return rows


def required(connection: psycopg.Connection, table: str) -> set[str]:
    """The columns that an INSERT must name."""
    rows = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND table_name = %s AND is_nullable = 'NO' AND column_default IS NULL"
        " AND is_identity = 'NO'",
        [table],
    )
    return {column for (column,) in rows}


# --- and is not held up


def migrate(name: str) -> subprocess.Popen[str]:
    """`manage.py migrate` of a database, as a process of its own."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    wanted = {"DATABASE_URL": databases.url(name), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    return subprocess.Popen(
        [sys.executable, "manage.py", "migrate", "--no-color"],
        cwd=ROOT,
        env=kept | measured() | wanted,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def idle_transaction(name: str) -> Iterator[None]:
    """A transaction that has touched one review and does nothing more."""
    with psycopg.connect(databases.url(name)) as idle:
        idle.execute(
            "UPDATE approvals_reviewtask SET version = version WHERE reference = 'claimed'"
        )
        yield
        idle.rollback()


def until_migrate_waits(name: str, process: subprocess.Popen[Any]) -> None:
    """Return once a statement of the database waits for a lock."""
    question = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
    )
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as look:
        while process.poll() is None:
            if look.execute(question, [name]).fetchone() != (0,):
                return
            time.sleep(0.02)
    raise AssertionError(f"migrate did not wait: {process.communicate()}")


def test_migrate_gives_up_a_lock_in_one_line_while_the_desk_goes_on_and_succeeds_later(
    database: Callable[[Path], str],
) -> None:
    name = database(FIRST)
    untouched = ours(name)
    with idle_transaction(name), migrate(name) as process:
        until_migrate_waits(name, process)
        waits_since = time.monotonic()
        # What the release before does to decide, with its own patience.
        with psycopg.connect(
            databases.url(name), options=f"-c lock_timeout={DESK_LOCK_TIMEOUT}s"
        ) as desk:
            desk.execute("SELECT 1 FROM approvals_reviewtask WHERE reference = 'open' FOR UPDATE")
            changed = desk.execute(
                "UPDATE approvals_reviewtask SET version = version + 1 WHERE reference = 'open'"
            )
            desk_waited = time.monotonic() - waits_since
        _, said = process.communicate(timeout=PATIENCE)

    assert changed.rowcount == 1
    assert (process.returncode, len(said.splitlines())) == (1, 1), said
    assert "holds a lock" in said
    assert desk_waited < DESK_LOCK_TIMEOUT / 2
    assert ours(name) == untouched
    with migrate(name) as again:
        _, said = again.communicate(timeout=PATIENCE)
    assert (again.returncode, said) == (0, "")
    assert ours(name) != untouched


def test_migrate_says_in_one_line_that_the_database_is_away() -> None:
    with migrate("there_is_no_such_database") as process:
        _, said = process.communicate(timeout=PATIENCE)

    assert (process.returncode, len(said.splitlines())) == (1, 1), said
    assert "there_is_no_such_database" in said
