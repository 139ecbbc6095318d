"""The checker: compares the database with AWS's own log, and names every invariant that does not hold.

It reads both as they are and trusts neither verb nor status: a token's fate is the line of the log
that closed it, a row's commit is what PostgreSQL noted of its transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from django.db import connection

from approvals.models import OutboxEntry
from tests.fake_aws import Log
from tests.faults import (
    checks_of_audit,
    checks_of_decisions,
    checks_of_deliveries,
    checks_of_intake,
    checks_of_orders,
)
from tests.faults.truth import Breach, Truth, reviews

UNKNOWN = ("ambiguous", "")  # what an attempt learned that may have been taken, or not


def check(log: Log, *, left: Iterable[str] = (), finished: bool = True) -> list[Breach]:
    """Every breach there is. `left` are the bodies still on queues; `finished`: nothing is under way."""
    truth = Truth(log)
    stored = reviews()
    found = [
        *checks_of_intake.check(truth, stored, {_digest(body) for body in left}),
        *checks_of_decisions.check(stored),
        *checks_of_deliveries.check(truth, stored, finished=finished),
        *checks_of_orders.check(truth, finished=finished),
        *checks_of_audit.check(stored),
    ]
    return found + (list(_leftovers()) if finished else [])


def ambiguities() -> dict[str, int]:
    """How many decisions had an answer that proved nothing, and how many of them were cleared up since."""
    entries = OutboxEntry.objects.filter(
        kind=OutboxEntry.Kind.CALLBACK, journal__result__in=UNKNOWN
    ).distinct()
    cleared = entries.filter(state=OutboxEntry.State.SETTLED)
    return {"ambiguous": entries.count(), "reconciled": cleared.count()}


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


def _leftovers() -> Iterator[Breach]:
    stuck = OutboxEntry.objects.filter(state=OutboxEntry.State.SENDING).count()
    if stuck:
        yield Breach("I-11", f"{stuck} outbox rows are still being sent")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()"
        )
        (idle,) = cursor.fetchone()
    if idle:
        yield Breach("I-13", f"{idle} transactions were left open")
