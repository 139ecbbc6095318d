"""Fixtures of all tests: users, a queue, and a database whose audit table can be emptied.

The plugins add accounts of AWS, callers of the API and reviews of executions that wait."""

from __future__ import annotations

import pytest
from django.db.backends.postgresql.operations import DatabaseOperations

from approvals.models import ReviewQueue, User
from tests import factories

pytest_plugins = ["tests.account", "tests.callers", "tests.waiting_reviews"]

_flush = DatabaseOperations.execute_sql_flush


def _flush_past_the_triggers(self: DatabaseOperations, sql_list: list[str]) -> None:
    """Empty every table for TransactionTestCase with triggers off, because the audit table refuses it.

    CASCADE empties the token table of knox too, which has no model in this project.
    """
    sql_list = [sql.replace(";", " CASCADE;") if "TRUNCATE" in sql else sql for sql in sql_list]
    with self.connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
    try:
        _flush(self, sql_list)
    finally:
        with self.connection.cursor() as cursor:
            cursor.execute("RESET session_replication_role")


DatabaseOperations.execute_sql_flush = _flush_past_the_triggers  # type: ignore[method-assign, assignment]


@pytest.fixture(autouse=True)
def site_groups(request: pytest.FixtureRequest) -> None:
    """The groups that a migration creates; an earlier test with `transaction=True` has deleted them."""
    marker = request.node.get_closest_marker("django_db")
    if marker and (marker.kwargs.get("transaction") or "transactional_db" in request.fixturenames):
        request.getfixturevalue("transactional_db")
        from django.contrib.auth.models import Group  # noqa: PLC0415  (needs Django's registry)

        for name in ("orders", "auditor", "operator"):
            Group.objects.get_or_create(name=name)


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
