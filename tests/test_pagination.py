"""Keyset pages: every row once, among equal values and in descending order too."""

from __future__ import annotations

import pytest

from approvals import pagination
from approvals.exceptions import Invalid
from approvals.models import ReviewQueue, ReviewTask
from approvals.web.review_rows import BY_ARRIVAL, BY_DEADLINE
from tests.web.reviews import open_reviews

pytestmark = pytest.mark.django_db


def test_reviews_of_one_deadline_are_neither_lost_nor_doubled(queue: ReviewQueue) -> None:
    open_reviews(queue, 7)
    first = ReviewTask.objects.values_list("deadline_at", flat=True)[0]
    ReviewTask.objects.update(deadline_at=first)
    seen: list[ReviewTask] = []
    cursor: str | None = ""
    while cursor is not None:
        page = pagination.page(ReviewTask.objects.all(), BY_DEADLINE, size=3, cursor=cursor)
        seen += page.rows
        cursor = page.next
    assert [row.pk for row in seen] == sorted(row.pk for row in seen)
    assert len(seen) == 7


def test_the_newest_first_order_pages_too(queue: ReviewQueue) -> None:
    open_reviews(queue, 5)
    rows = ReviewTask.objects.all()
    first = pagination.page(rows, BY_ARRIVAL, size=2)
    second = pagination.page(rows, BY_ARRIVAL, size=2, cursor=first.next or "")
    third = pagination.page(rows, BY_ARRIVAL, size=2, cursor=second.next or "")
    assert [row.pk for row in [*first.rows, *second.rows, *third.rows]] == list(
        rows.order_by(*BY_ARRIVAL).values_list("pk", flat=True)
    )
    assert third.next is None
    assert (
        pagination.page(rows, BY_ARRIVAL, size=2, cursor=third.previous or "").rows == second.rows
    )


def test_a_cursor_says_where_its_page_goes_on(queue: ReviewQueue) -> None:
    open_reviews(queue, 3)
    rows = ReviewTask.objects.all()
    page = pagination.page(rows, BY_ARRIVAL, size=2)
    assert page.next
    assert pagination.first_value(page.next, rows, BY_ARRIVAL) == page.rows[-1].received_at
    assert pagination.first_value("", rows, BY_ARRIVAL) is None
    with pytest.raises(Invalid):
        pagination.first_value("x", rows, BY_ARRIVAL)
