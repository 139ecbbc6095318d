"""What waits and what is stuck, counted and listed by indexes alone, within bounds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from approvals.models import ReviewQueue, ReviewTask
from approvals.records import database_time
from approvals.web import lead_queues
from tests import factories
from tests.web.reviews import open_reviews

pytestmark = pytest.mark.django_db


def test_counts_end_at_their_bound(queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lead_queues, "MOST_STUCK", 3)
    open_reviews(queue, 102)
    ReviewTask.objects.update(deadline_at=Now() - timedelta(minutes=1))
    monkeypatch.setattr(lead_queues, "MOST_COUNTED", 1)

    [found] = lead_queues.waiting([queue], database_time.now())

    assert (found.open, found.open_label, found.unclaimed_label) == (101, "100+", "100+")
    assert (found.overdue, lead_queues.counted(found.overdue, 3)) == (4, "3+")


def test_many_queues_share_the_bound(queue: ReviewQueue) -> None:
    queues = [queue, *(factories.queue(f"queue-{number}") for number in range(3))]
    rows = lead_queues.waiting(queues, database_time.now())
    assert {row.most for row in rows} == {lead_queues.MOST_COUNTED // 4}
    assert [row.queue for row in rows] == queues


def test_a_queue_with_nothing_has_a_zero_everywhere(queue: ReviewQueue) -> None:
    [found] = lead_queues.waiting([queue], database_time.now())
    assert (found.open_label, found.due_label, found.unclaimed_label) == ("0", "0", "0")
    assert found.oldest is None
    assert (found.overdue, found.parked, found.unconfirmed, found.quarantined) == (0, 0, 0, 0)
    assert lead_queues.lists([queue], database_time.now()) == {}


def test_large_numbers_are_grouped() -> None:
    assert lead_queues.counted(3_000, 5_000) == "3,000"
    assert lead_queues.counted(5_001, 5_000) == "5,000+"


def test_no_count_and_no_list_reads_a_table_from_end_to_end(queue: ReviewQueue) -> None:
    now = database_time.now()
    parameters = lead_queues._parameters([queue], now) | {
        "soon": now, "most": 5, "most_stuck": 5, "most_claims": 5,
    }  # fmt: skip
    read = set()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for text in (lead_queues._COUNTS, lead_queues._LISTS):
            cursor.execute("EXPLAIN " + text, parameters)
            plan = [line for (line,) in cursor.fetchall()]
            read |= {line.split(" on ")[1].split()[0] for line in plan if "Seq Scan on" in line}
    assert {table for table in read if table.startswith("approvals_")} == set()
