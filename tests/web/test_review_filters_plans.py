"""How many rows PostgreSQL reads for a page of a long list: by its plan, never the whole queue."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.http import QueryDict

from approvals import pagination
from approvals.models import ReviewQueue, ReviewTask, User, review_search
from approvals.records import database_time
from approvals.web import home, review_filters, review_rows, reviews
from approvals.web.access import Access
from tests import factories
from tests.factories import actor
from tests.web.plans import executed, rows_read, rows_sorted

pytestmark = pytest.mark.django_db
LONG = int(os.environ.get("LONG_LIST", "6000"))
MANY = 2_000  # rows read; a page has 25
_OTHER = {
    *("id", "token_fingerprint", "status", "deadline_at", "received_at", "priority", "amount"),
    *("error_name", "customer", "reference", "snoozed_until", "sent_at"),
}


@pytest.fixture
def long_queue(queue: ReviewQueue, alice: User) -> ReviewQueue:
    """A queue with LONG open reviews and as many closed ones, of which few are out of the ordinary."""
    factories.review(queue)
    columns = [f.column for f in ReviewTask._meta.local_fields if f.column not in _OTHER]
    same = ", ".join(f'"{column}"' for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO approvals_reviewtask ({same}, id, token_fingerprint, status, deadline_at,
                    received_at, sent_at, priority, amount, error_name, customer, reference, snoozed_until)
                SELECT {same}, gen_random_uuid(), sha256(n::text::bytea),
                    CASE WHEN n %% 2 = 0 THEN 'pending' ELSE 'expired' END,
                    now() + n * interval '1 second', now() - n * interval '1 second', now(),
                    CASE WHEN n %% 1000 = 0 THEN 5 ELSE 0 END,
                    CASE WHEN n %% 3 = 0 THEN NULL ELSE n %% 5000 END,
                    CASE WHEN n %% 1000 = 0 THEN 'Rare' ELSE 'Often' END, 'C-' || n %% 700, 'R-' || n,
                    CASE WHEN n %% 1000 = 0 THEN now() + interval '1 day' END
                FROM approvals_reviewtask, generate_series(1, %s) AS n""",  # noqa: S608  # columns of the model
            [2 * LONG],
        )
        cursor.execute("ANALYZE approvals_reviewtask")
    return queue


def explained(queue: ReviewQueue, query: str) -> tuple[int, str]:
    """The most rows that a node reads for the first page, and the plan."""
    plans: list[Any] = []
    mine = ReviewTask.objects.filter(queue=queue).without_secrets()
    filtered = review_filters.apply_filters(mine, QueryDict(query), None)
    narrow = filtered.narrow_in(queue)

    def spy(rows: Any, limit: int) -> Any:
        rows = narrow(rows, limit)
        plans.append(executed(rows[:limit]))
        return rows

    pagination.page(review_rows.lean(filtered.listed), filtered.order, size=25, narrow=spy)
    if not plans[0]:
        return 0, ""
    return max(rows_read(plans[0]["Plan"])), json.dumps(plans[0], indent=1)


def test_no_order_and_no_filter_reads_the_whole_queue(
    long_queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_search, "EARLY", 500)  # a smaller part of this list than 2,000
    queries: list[dict[str, str]] = [{"sort": name} for name in review_filters.ORDERS]
    queries += [{"status": "expired"} | query for query in queries]
    queries += [{"status": "any"} | query for query in queries[: len(review_filters.ORDERS)]]
    queries += [
        *({"error": "Rare"}, {"error": "None"}, {"error": "Often"}, {"snoozed": "yes"}),
        *({"customer": "C-7"}, {"customer": "C"}, {"priority": "5"}, {"priority": "9"}),
        *({"amount_from": "4999"}, {"amount_from": "9999"}, {"amount_to": "1"}, {"due": "15m"}),
        *(
            {"amount_from": "500", "amount_to": "4500", "sort": name}
            for name in review_filters.ORDERS
        ),
        *(
            {"amount_from": "4001", "amount_to": "4005", "status": name}
            for name in ("pending", "any")
        ),
        *({"q": "R-1234"}, {"q": "R-"}, {"q": "often"}, {"q": "4998"}, {"q": "nowhere"}),
        *({"snoozed": "no"}, {"escalated": "yes"}, {"escalated": "no"}, {"assignee": "nobody"}),
        *({"age": "7d"}, {"age": "1h"}, {"error": "Rare", "sort": "amount"}),
        *({"priority": "5", "sort": "amount"}, {"due": "15m", "sort": "priority"}),
    ]
    read = {urlencode(query): explained(long_queue, urlencode(query)) for query in queries}
    too_many = {query: found for query, found in read.items() if found[0] > MANY}
    assert not too_many, "\n".join(
        f"{query}: {most} {plan}" for query, (most, plan) in too_many.items()
    )


def test_a_text_that_many_reviews_have_and_all_at_the_end_of_a_list_is_found_by_its_index(
    long_queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_search, "FEW", 100)
    monkeypatch.setattr(review_search, "EARLY", 100)
    last = ReviewTask.objects.filter(deadline_at__gte=Now() + timedelta(seconds=2 * LONG - 600))
    last.update(title="Vintage")
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list('review_by_text')")
        cursor.execute("ANALYZE approvals_reviewtask")

    for status in ("pending", "any"):
        for sort in review_filters.ORDERS:
            query = {"q": "vintage", "status": status, "sort": sort}
            _, plan = explained(long_queue, urlencode(query))
            most = max(rows_read(json.loads(plan)["Plan"], but="Bitmap Index Scan"))
            assert most <= 1_000, f"{query}: {most} {plan}"


def test_reviews_of_a_filter_that_all_stand_at_the_end_of_a_list_are_found_by_its_index(
    long_queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_search, "EARLY", 500)
    last = Now() + timedelta(seconds=2 * LONG - 600)
    pending = ReviewTask.objects.pending()
    pending.filter(deadline_at__gte=last).update(error_name="Vintage", customer="Gone Ltd")
    pending.filter(deadline_at__gte=last).update(deadline_at=Now(), received_at=Now())
    # Almost all closed ones are past their deadlines, so a filter by them looks wide to PostgreSQL.
    ReviewTask.objects.exclude(status="pending").update(deadline_at=Now() - timedelta(days=1))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE approvals_reviewtask")

    for sort in review_filters.ORDERS:
        for query in ({"error": "Vintage"}, {"customer": "Gone Ltd"}, {"due": "past"}):
            _, plan = explained(long_queue, urlencode(query | {"sort": sort}))
            most = max(rows_read(json.loads(plan)["Plan"], but="Bitmap Index Scan"))
            assert most <= MANY, f"{query} by {sort}: {most} {plan}"


@contextmanager
def plans_of_reviews() -> Iterator[list[Any]]:
    """The executed plans of the statements in the block that read reviews."""
    plans: list[Any] = []

    def explain(execute: Any, sql: str, values: Any, *rest: Any) -> Any:
        if "approvals_reviewtask" in sql and not sql.startswith("EXPLAIN"):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", values)
                plans.append(cursor.fetchone()[0][0])
        return execute(sql, values, *rest)

    with connection.execute_wrapper(explain):
        yield plans


@pytest.mark.usefixtures("long_queue")
@pytest.mark.parametrize(("text", "many"), [("often", True), ("r-", True), ("R-1234", False)])
def test_a_search_of_everything_sorts_a_part_of_it(
    text: str, many: bool, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_search, "EARLY", 500)
    with plans_of_reviews() as plans:
        found = home.search(Access(actor(alice)), text)
    assert (len(found) == home.MAX_FOUND + 1) is many
    for plan in plans:
        assert max(rows_sorted(plan["Plan"]), default=0) <= MANY, json.dumps(plan, indent=1)


def test_what_belongs_to_a_review_is_found_without_reading_the_queue(
    long_queue: ReviewQueue, alice: User
) -> None:
    review = ReviewTask.objects.select_related("queue").filter(customer="C-7").first()
    with plans_of_reviews() as plans:
        same, customers = reviews.related(Access(actor(alice)), review, database_time.now())
    assert (len(same), len(customers)) == (0, reviews.MAX_RELATED)
    for plan in plans:
        assert max(rows_read(plan["Plan"])) <= MANY, json.dumps(plan, indent=1)
