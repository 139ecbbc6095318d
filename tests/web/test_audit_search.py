"""Searches of the audit trail: by period, and a piece at a time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from approvals import pagination
from approvals.models import AuditEvent, ReviewQueue
from approvals.records import audit, database_time
from approvals.web import audit_search
from approvals.web.audit_search import NEWEST_FIRST, Search
from tests import factories
from tests.web.plans import executed, rows_read

pytestmark = pytest.mark.django_db
LONG = 6_000
LAST = datetime.max.replace(tzinfo=UTC)


@pytest.fixture
def long_trail(queue: ReviewQueue) -> datetime:
    """LONG events of a queue's review, one each ten minutes; the time of the last one."""
    chain = audit.chain(factories.review(queue))
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO approvals_auditevent
                   (chain, seq, format, kind, actor_name, surface, data, at, prev_hash, hash)
               SELECT %s, 9 + n, 1, 'review.claimed', 'anna@example.com', 'web',
                   jsonb_build_object('why', repeat('x', 900)),
                   now() - interval '1 day' - (%s - n) * interval '10 minutes', '', ''
               FROM generate_series(1, %s) AS n""",
            [chain, LONG, LONG],
        )
        cursor.execute("SELECT brin_summarize_new_values('audit_by_time')")
        cursor.execute("ANALYZE approvals_auditevent")
    return AuditEvent.objects.get(chain=chain, seq=9 + LONG).at


def test_a_period_has_its_beginning_and_not_its_end(queue: ReviewQueue) -> None:
    factories.review(queue)
    first = AuditEvent.objects.earliest("id")
    at_once = Search(since=first.at, until=first.at + timedelta(microseconds=1))
    before = Search(since=first.at - timedelta(days=1), until=first.at)

    assert first in audit_search.events(at_once)
    assert not audit_search.events(before).exists()


def test_events_are_read_in_order_in_pieces_of_any_size(
    queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        factories.review(queue)
    everything = Search(since=database_time.now() - timedelta(hours=1))
    whole = [event.pk for event in audit_search.in_order(everything)]
    for size in (1, 2, len(whole)):
        monkeypatch.setattr(audit_search, "CHUNK", size)
        assert [event.pk for event in audit_search.in_order(everything)] == whole


def plans(search: Search, cursor: str, start: datetime) -> tuple[str | None, list[Any]]:
    """The next page's cursor, and the plans of a page."""
    found: list[Any] = []

    def spy(rows: QuerySet[AuditEvent], limit: int) -> QuerySet[AuditEvent]:
        rows = audit_search.first_events(rows, limit, start=start)
        found.append(executed(rows[:limit]))
        return rows

    rows = audit_search.events(search)
    return pagination.page(rows, NEWEST_FIRST, size=50, cursor=cursor, narrow=spy).next, found


def test_a_page_of_a_long_period_does_not_read_the_whole_period(
    queue: ReviewQueue, long_trail: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_search, "FEW_REVIEWS", 0)
    since = long_trail - timedelta(days=60)
    for search in (Search(since=since), Search(since=since, queue=queue.slug)):
        start, cursor = long_trail + timedelta(hours=1), ""
        for _page in range(3):
            after, found = plans(search, cursor, start)
            assert after
            for plan in found:
                most = max(rows_read(plan["Plan"], but="Bitmap Index Scan"))
                assert most <= LONG // 4, json.dumps(plan, indent=1)
            cursor = after
            start = pagination.first_value(cursor, audit_search.events(search), NEWEST_FIRST)


def test_a_short_period_is_not_read_again_and_again(
    queue: ReviewQueue, long_trail: datetime
) -> None:
    for hours, stages in ((1, 1), (2, 2), (9, 3), (80, 4)):
        since = long_trail - timedelta(hours=hours)
        rows = audit_search.events(Search(since=since, who="nobody")).order_by(*NEWEST_FIRST)
        first = audit_search.first_events(rows, 51, start=long_trail, end=since)
        assert str(first.query).count("MATERIALIZED") == stages


def test_the_first_events_of_a_list_are_the_same_from_any_beginning_of_the_search(
    queue: ReviewQueue, long_trail: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for few in (0, 2_000):
        monkeypatch.setattr(audit_search, "FEW_REVIEWS", few)
        rows = audit_search.events(Search(queue=queue.slug))
        for order in (NEWEST_FIRST, ("at", "id")):
            wanted = list(rows.order_by(*order)[:300])
            for start in (None, long_trail, long_trail - timedelta(days=20), LAST):
                first = partial(audit_search.first_events, start=start)
                for limit in (1, 51, 300):
                    assert list(first(rows.order_by(*order), limit)[:limit]) == wanted[:limit]


def test_the_events_of_a_queue_with_few_reviews_are_found_by_their_chains(
    queue: ReviewQueue, long_trail: datetime
) -> None:
    factories.review(factories.queue("another"))
    found = audit_search.events(Search(queue=queue.slug))
    assert set(found.values_list("chain", flat=True)) == {
        audit.chain(queue),
        *(audit.chain(review) for review in queue.reviews.all()),
    }
    plan = json.dumps(executed(audit_search.events(Search(queue="another"))))
    assert "audit_chain_has_no_fork" in plan
