"""Searching reviews for a text: the same ones are found, whichever way PostgreSQL finds them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import product
from typing import cast

import pytest

from approvals import pagination
from approvals.models import Comment, ReviewQueue, ReviewTask, User, review_search
from approvals.models.review_tasks import ReviewQuerySet
from tests import factories

pytestmark = pytest.mark.django_db
TEXTS = ("ord-7", "FRAUD", "looks odd", "12.50", "nowhere", "o", "arn:aws:states:x:1:execution:m:3")
ORDERS = (("deadline_at", "id"), ("-priority", "deadline_at", "id"))


@pytest.fixture
def reviews(queue: ReviewQueue, alice: User) -> list[ReviewTask]:
    """Twelve reviews of two statuses, of which every text but one is found in some."""
    made = [
        factories.review(queue, orderId=f"ORD-{70 + number}", priority=number % 3)
        for number in range(12)
    ]
    for number, review in enumerate(made):
        ReviewTask.objects.filter(pk=review.pk).update(
            error_name="Fraud" if number % 2 else "StockGone",
            status="expired" if number % 5 == 0 else "pending",
            amount=Decimal("12.5") if number % 4 == 0 else None,
            execution_arn=f"arn:aws:states:x:1:execution:m:{number}",
        )
        if number % 3 == 0:
            Comment.objects.create(review=review, by=alice, text="This looks odd.", surface="web")
    return made


def ways(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each way to find a text: at the beginning of a list, in more of it, and by the index."""
    for few, early, times in ((0, 1, 1), (0, 3, 10), (2_000, 2_000, 10)):
        monkeypatch.setattr(review_search, "FEW", few)
        monkeypatch.setattr(review_search, "EARLY", early)
        monkeypatch.setattr(review_search, "TIMES", times)
        yield


def found(rows: ReviewQuerySet, text: str) -> list[ReviewTask]:
    """These ordered reviews as far as they have the text, found by reading all of them."""
    said = set(Comment.objects.filter(text__icontains=text).values_list("review", flat=True))
    short = len(text) < review_search.SHORTEST_PIECE
    return [
        row
        for row in rows
        if any(
            value.upper().startswith(text.upper()) if short else text.upper() in value.upper()
            for value in (row.reference, row.title, row.customer, row.error_name)
        )
        or (row.pk in said and not short)
        or (text == "12.50" and row.amount == Decimal("12.5"))
        or row.execution_arn == text
    ]


@pytest.mark.usefixtures("reviews")
@pytest.mark.parametrize("text", TEXTS)
def test_the_first_reviews_with_a_text_are_the_same_whichever_way_it_is_found(
    text: str, queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ReviewTask.objects.filter(queue=queue)
    among = ([queue.pk], ReviewTask.Status.values)
    for order in ORDERS:
        wanted = found(rows.order_by(*order), text)
        for _ in ways(monkeypatch):
            for limit, parts in product((1, 3, 50), (None, among)):
                first = rows.order_by(*order).first_rows(limit, text, parts)
                assert list(first) == wanted[:limit]
            assert list(rows.with_text(text).order_by(*order)) == wanted
            assert rows.order_by(*order).some_with_text(text, 3)[:3].count() == min(3, len(wanted))


@pytest.mark.usefixtures("reviews")
def test_pages_of_a_searched_list_leave_out_nothing_and_repeat_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for order, _ in product(ORDERS, ways(monkeypatch)):
        rows = ReviewTask.objects.all()
        wanted, seen, cursor = found(rows.order_by(*order), "fraud"), [], ""
        while True:
            page = pagination.page(
                rows,
                order,
                size=2,
                cursor=cursor,
                narrow=lambda some, n: cast("ReviewQuerySet", some).first_rows(n, "fraud"),
            )
            seen += page.rows
            if page.next is None:
                break
            cursor = page.next
        assert seen == wanted


@pytest.mark.usefixtures("reviews")
def test_however_many_comments_have_a_text_each_of_their_reviews_is_found(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_search, "FEW", 1)
    for review in ReviewTask.objects.filter(error_name="StockGone"):
        Comment.objects.create(review=review, by=alice, text="Rather fraudulent.", surface="web")

    assert ReviewTask.objects.all().with_text("fraud").count() == 12


@pytest.mark.usefixtures("reviews")
def test_the_first_of_scattered_reviews_are_the_first_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for order, early in product(ORDERS, (4, 8, 2_000)):
        monkeypatch.setattr(review_search, "EARLY", early)
        everything = ReviewTask.objects.pending().order_by(*order)
        rows = everything.filter(error_name="Fraud")
        for limit in (1, 2, 50):
            assert list(rows.first_of_scattered(everything, limit)) == list(rows)[:limit]


@pytest.mark.parametrize(
    ("text", "references"),
    [("---", ["---"]), ("a--", ["a--1"]), ("b-a", ["b-a--1"]), ("-a-", ["b-a--1"]), ("__", [])],
)
def test_a_text_without_a_group_that_the_index_has_is_looked_for_at_the_beginning(
    queue: ReviewQueue, text: str, references: list[str]
) -> None:
    for reference in ("---", "x---", "a--1", "b-a--1", "x__"):
        factories.review(queue, orderId=reference)

    found = ReviewTask.objects.matching(text).values_list("reference", flat=True)

    assert sorted(found) == references
