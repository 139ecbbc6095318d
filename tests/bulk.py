"""Bulk decisions for tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection

from approvals.actions import bulk_decisions
from approvals.actions.bulk_decisions import BulkRequest, Wanted
from approvals.models import BulkJob, ReviewTask, User
from approvals.models.choices import Outcome
from tests.factories import actor


def begun(
    reviews: Sequence[ReviewTask], by: User, outcome: str = "approved", **wish: Any
) -> BulkJob:
    """A bulk decision of these reviews, on which no worker has worked."""
    request = BulkRequest(outcome=Outcome(outcome), **wish)
    return bulk_decisions.begin([Wanted(row.pk) for row in reviews], request, by=actor(by))


def states(job: BulkJob) -> dict[str, int]:
    """How many of its reviews have each state."""
    return dict(Counter(job.items.values_list("state", flat=True)))


def results(job: BulkJob) -> list[tuple[str, str]]:
    """State and code of each review, in their order."""
    return list(job.items.order_by("number").values_list("state", "code"))


@contextmanager
def refused_by_the_database(*rows: ReviewTask) -> Iterator[None]:
    """While it lasts, the database refuses to change these reviews: a service that fails at them."""
    ids = ", ".join(f"'{row.pk}'" for row in rows)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse_in_bulk() RETURNS trigger LANGUAGE plpgsql AS $$"
            " BEGIN RAISE EXCEPTION 'this row cannot be changed'; END $$;"
            " CREATE TRIGGER refused_in_bulk BEFORE UPDATE ON approvals_reviewtask FOR EACH ROW"
            f" WHEN (OLD.id IN ({ids})) EXECUTE FUNCTION refuse_in_bulk()"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION refuse_in_bulk CASCADE")
