"""The page of leads on many rollups: few statements, little time, and never a table of reviews from end to end."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.models import DecisionRollup, ReviewQueue, ReviewTask, User
from tests import factories
from tests.bench import lead_page

pytestmark = pytest.mark.django_db
REVIEWS, DAYS = 300_000, 93
LARGE = {"approvals_reviewtask", "approvals_decisionrollup"}  # here; the others are empty


def copies(review: ReviewTask, count: int, status: str) -> None:
    """So many more reviews of this status, which are this one but for their keys."""
    with connection.cursor() as cursor:
        names = [field.column for field in ReviewTask._meta.concrete_fields]
        new = {
            "id": "gen_random_uuid()",
            "token_fingerprint": "sha256(gen_random_uuid()::text::bytea)",
            "status": "%s",
            "deadline_at": "deadline_at + number * interval '1 second'",
            "received_at": "received_at - number * interval '1 second'",
        }
        listed = ", ".join(f'"{name}"' for name in names)
        values = ", ".join(new.get(name, f'"{name}"') for name in names)
        cursor.execute(
            f"INSERT INTO approvals_reviewtask ({listed}) SELECT {values}"  # noqa: S608
            " FROM approvals_reviewtask, generate_series(1, %s) AS number WHERE id = %s",
            [status, count, review.pk],
        )


def test_it_reads_indexes_and_rollups_alone(
    client: Client, queue: ReviewQueue, lena: User, alice: User
) -> None:
    other = factories.queue("refunds")
    people.grant(lena, other.slug, "lead", by=COMMAND_LINE)
    review = factories.review(queue)
    copies(review, 8_000, "expired")
    copies(review, 400, "pending")
    staff = [factories.user(f"reviewer-{number}@example.com") for number in range(30)]
    written = lead_page.fill(REVIEWS, DAYS, [queue, other], [alice, lena, *staff])
    assert (
        written == DecisionRollup.objects.count() > 15_000
    )  # fewer are read whole, which is quicker
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client.force_login(lena)

    for address in lead_page.ADDRESSES:
        found = lead_page.statements(client, address, runs=3)
        assert len(found) < 8
        scanned = frozenset[str]().union(*(each.scanned for each in found))
        assert scanned & LARGE == set(), address
        assert sum(each.milliseconds for each in found) < 1_000, "an order of magnitude more"
