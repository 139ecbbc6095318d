"""Fixtures of all tests: users, a queue, and a database whose audit table can be emptied.

The plugins add accounts of AWS, callers of the API and reviews of executions that wait.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
from django.db import connection, connections
from django.test import TransactionTestCase
from pytest_django.plugin import DjangoDbBlocker

from approvals.models import ReviewQueue, User
from tests import database, factories

pytest_plugins = [
    "tests.distribution",
    "tests.account",
    "tests.broken_rows",
    "tests.callers",
    "tests.order_executions",
    "tests.service_models",
    "tests.starts",
    "tests.waiting_reviews",
]

EMPTY = """
    DO $$
    DECLARE
        name text;
        filled boolean;
    BEGIN
        SET LOCAL session_replication_role = replica;
        FOR name IN
            SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN (
                'django_migrations', 'django_content_type', 'auth_permission'
            )
        LOOP
            EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO filled;
            IF filled THEN
                EXECUTE format('DELETE FROM %I', name);
            END IF;
        END LOOP;
        INSERT INTO auth_group (name) VALUES ('orders'), ('auditor'), ('operator');
    END $$
"""


def _empty_the_database(self: TransactionTestCase) -> None:
    """Empty the tables that a test has filled, with triggers off, because the audit table refuses it.

    Django's own flush truncates every table and creates each content type and permission again, which
    takes longer than most tests. What the migrations have written stays, or
    is written again.
    """
    with connection.cursor() as cursor:
        cursor.execute(EMPTY)


def pytest_collection_finish() -> None:
    """Let the collector of garbage pass over what was imported."""
    gc.collect()
    gc.freeze()


TransactionTestCase._fixture_teardown = _empty_the_database  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """The database of this worker: a copy of the migrated one, instead of pytest-django's own migration."""
    with django_db_blocker.unblock():
        name = f"test_{os.getpid()}"
        usual = connection.settings_dict["NAME"]
        connection.close()
        database.clone(name)
        connection.settings_dict["NAME"] = name
    yield
    with django_db_blocker.unblock():
        connections.close_all()
        connection.settings_dict["NAME"] = usual
        database.drop(name)


@pytest.fixture
def queue(db: None) -> ReviewQueue:
    """The queue `manual-review`."""
    return factories.queue()


@pytest.fixture
def alice(queue: ReviewQueue) -> User:
    """A reviewer of the queue."""
    return factories.user("alice@example.com", "reviewer", queue)


@pytest.fixture
def bob(queue: ReviewQueue) -> User:
    """Another reviewer of the queue."""
    return factories.user("bob@example.com", "reviewer", queue)


@pytest.fixture
def lena(queue: ReviewQueue) -> User:
    """A lead of the queue."""
    return factories.user("lena@example.com", "lead", queue)


@pytest.fixture
def victor(queue: ReviewQueue) -> User:
    """A viewer of the queue."""
    return factories.user("victor@example.com", "viewer", queue)


@pytest.fixture
def carol(db: None) -> User:
    """A reviewer of another queue, to whom this queue is hidden."""
    return factories.user("carol@example.com", "reviewer", factories.queue("refunds"))
