"""The page of leads on a database with rollups of millions of reviews: what PostgreSQL does for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.test import Client

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.models import ReviewQueue, User
from approvals.records import database_time
from tests import factories
from tests.bench import rollups, seed
from tests.bench.processes import HOST
from tests.bench.rollups import Wanted

RUNS, QUEUES, PEOPLE = 5, 5, 64
ADDRESSES = ("/leads/", "/leads/?range=7d", "/leads/?range=30d")


@dataclass(frozen=True)
class Statement:
    """A statement of a page, how long it takes PostgreSQL, and the tables that it reads from end to end."""

    sql: str
    milliseconds: float
    scanned: frozenset[str]


def fill(reviews: int, days: int, queues: list[ReviewQueue], staff: list[User]) -> int:
    """Write the rollups of so many reviews into the database in use; returns how many rows."""
    keys = [queue.pk for queue in queues], [person.pk for person in staff]
    wanted = Wanted(reviews, days, *keys, database_time.now())
    written = rollups.write(connection.connection, wanted)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE approvals_decisionrollup")
    return written


def statements(browser: Client, address: str, runs: int = RUNS) -> list[Statement]:
    """The statements of a page, each explained with its own values; times are medians of some runs."""
    sent: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, parameters: Any, *rest: Any) -> Any:
        sent.append((sql, parameters))
        return execute(sql, parameters, *rest)

    with connection.execute_wrapper(note):
        assert browser.get(address, secure=True).status_code == 200
    return [_explained(sql, parameters, runs) for sql, parameters in sent]


def _explained(sql: str, parameters: Any, runs: int) -> Statement:
    plans: list[dict[str, Any]] = []
    with connection.cursor() as cursor:
        for _ in range(runs):
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", parameters)
            (found,) = cursor.fetchone()
            plans += json.loads(found) if isinstance(found, str) else found
    spent = [plan["Planning Time"] + plan["Execution Time"] for plan in plans]
    scanned = {
        node["Relation Name"]
        for node in _nodes(plans[0]["Plan"])
        if node["Node Type"] in {"Seq Scan", "Parallel Seq Scan"}
    }
    return Statement(sql, median(spent), frozenset(scanned))


def _person(number: int) -> User:
    return people.create(f"reviewer{number}@example.com", by=COMMAND_LINE)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def measure(url: str, reviews: int, days: int, held: int) -> Iterator[str]:
    """Migrate and fill the database `url`, in use, and describe each statement of the page in a line.

    `reviews` are in rollups alone; `held` are rows, a tenth of them open.
    """
    call_command("migrate", verbosity=0)
    queues = [factories.queue(f"queue-{number}") for number in range(QUEUES)]
    staff = [_person(number) for number in range(PEOPLE)]
    for queue in queues:
        people.grant(staff[0], queue.slug, "lead", by=COMMAND_LINE)
    seed.fill(url, seed.Wanted(held), queues, staff)
    written = fill(reviews, days, queues, staff)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    yield f"{written:,} rollups of {reviews:,} reviews in {days} days, {held:,} reviews as rows"
    browser = Client(HTTP_HOST=HOST)
    browser.force_login(staff[0])
    for address in ADDRESSES:
        found = statements(browser, address)
        total = sum(each.milliseconds for each in found)
        yield f"{address}: {len(found)} statements, {total:.1f} ms of PostgreSQL"
        for each in found:
            text = " ".join(each.sql.split())[:60]
            yield f"  {each.milliseconds:7.2f} ms  {text}  {' '.join(sorted(each.scanned))}"
