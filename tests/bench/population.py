"""A database of the service for a run: migrated, with queues, people, credentials and seeded reviews."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.db import connection

from approvals.actions import credentials, people, queues
from approvals.actors import COMMAND_LINE
from approvals.models import ReviewQueue, User
from tests.bench import seed
from tests.bench.harness import Bench, Database

QUEUES = ("orders", "refunds", "accounts", "limits", "contracts")
PEOPLE = 64
FIELDS = [
    {"path": "input.total", "label": "Total", "kind": "money", "role": "amount"},
    {"path": "input.customer.name", "label": "Customer", "kind": "text", "role": "customer"},
]


def use(url: str) -> None:
    """Let this process's models work on another database of the server."""
    connection.close()
    connection.settings_dict["NAME"] = urlsplit(url).path.removeprefix("/")


def seeded(bench: Bench, name: str, size: int) -> Database:
    """Create, migrate and fill a database with so many reviews; `facts` has its bytes a review."""
    url = bench.create_database(name)
    use(url)
    call_command("migrate", verbosity=0)
    rows = [_queue(slug, bench.stub.port) for slug in QUEUES]
    staff = [_person(number) for number in range(PEOPLE)]
    issued = [credentials.issue_token(user, "bench", by=COMMAND_LINE) for user in staff]
    before = _bytes(url)
    seed.fill(url, seed.Wanted(size), rows, staff)
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("VACUUM ANALYZE")
    marks = iter(range(10**6))

    def refill(count: int, kind: str) -> list[str]:
        mark = f"{kind}{next(marks)}"
        wanted = seed.Wanted(count, kind, mark, first_queue=True)
        use(url)
        seed.fill(url, wanted, rows, staff)
        return _ids(url, mark)

    found = Database(url, size, issued, [_cookie(user) for user in staff], refill)
    found.facts["bytes"] = (_bytes(url) - before) / size
    return found


def _queue(slug: str, port: int) -> ReviewQueue:
    url = f"http://127.0.0.1:{port}/123456789012/{slug}"
    given: dict[str, Any] = {"sqs_url": url, "region": "us-east-1", "fields": FIELDS}
    row, _ = queues.save(slug, given, by=COMMAND_LINE)
    return row


def _person(number: int) -> User:
    user = people.create(f"reviewer{number}@example.com", by=COMMAND_LINE)
    for slug in QUEUES:
        people.grant(user, slug, "reviewer", by=COMMAND_LINE)
    return user


def _cookie(user: User) -> str:
    """The Cookie header of a person who has signed in."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def _ids(url: str, mark: str) -> list[str]:
    with psycopg.connect(url) as database:
        found = database.execute(
            "SELECT id FROM approvals_reviewtask WHERE reference LIKE %s ORDER BY id",
            [f"ORD-{mark}-%"],
        )
        return [str(pk) for (pk,) in found]


def _bytes(url: str) -> int:
    with psycopg.connect(url) as database:
        row = database.execute("SELECT pg_database_size(current_database())").fetchone()
        assert row
        return int(row[0])
