"""A queue's filtered list as a CSV file."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.models import AuditEvent, ReviewQueue, ReviewTask, User
from approvals.records import audit
from approvals.web import review_export
from tests import factories
from tests.web.conftest import Desk
from tests.web.reviews import open_reviews

pytestmark = pytest.mark.django_db
EXPORT = "/queues/manual-review/export/"


def rows_of(response: Any) -> list[dict[str, str]]:
    """The rows of a file that was sent."""
    assert response.status_code == 200
    return list(csv.DictReader(io.StringIO(response.getvalue().decode())))


def test_the_file_has_what_the_filters_find_in_the_order_of_the_list(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    reviews = [factories.review(orderId=f"F-{number}") for number in range(3)]
    for review, amount in zip(reviews, (5, None, 12), strict=True):
        ReviewTask.objects.filter(pk=review.pk).update(amount=amount)
    factories.review(orderId="Other")
    response = desk(alice).post(EXPORT, {"q": "f-", "sort": "amount"})
    rows = rows_of(response)
    assert [row["reference"] for row in rows] == ["F-2", "F-0", "F-1"]
    assert [row["amount"] for row in rows] == ["12.0000", "5.0000", "812.5"]
    assert response["Content-Disposition"].startswith('attachment; filename="manual-review-')
    event = AuditEvent.objects.filter(chain=audit.chain(alice)).latest("seq")
    assert event.kind == "reviews.exported"
    assert event.data == {"queue": "manual-review", "filters": {"q": "f-", "sort": "amount"}}


def test_no_cell_of_the_file_is_a_formula(desk: Desk, alice: User) -> None:
    factories.review(orderId="=cmd|' /C calc'!A0", title="+1", error={"Error": "@SUM(A1)"})
    (row,) = rows_of(desk(alice).post(EXPORT))
    assert row["reference"] == "'=cmd|' /C calc'!A0"
    assert row["title"] == "'+1"
    assert row["error"] == "'@SUM(A1)"


def test_the_file_is_read_in_pieces_and_ends_at_its_limit(
    desk: Desk, queue: ReviewQueue, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_export, "PIECE", 10)
    monkeypatch.setattr(review_export, "MAX_ROWS", 30)
    expected = [review.reference for review in open_reviews(queue, 45)]
    response: Any = desk(alice).post(EXPORT)
    pieces = iter(response.streaming_content)
    with CaptureQueriesContext(connection) as asked:
        for _line in range(5):
            next(pieces)
    assert len(asked) == 1
    assert response.person == str(alice.pk)  # by whom the server counts what it sends at once
    assert [row["reference"] for row in rows_of(desk(alice).post(EXPORT))] == expected[:30]


def test_who_does_not_see_the_queue_gets_no_file_and_reading_a_link_makes_none(
    desk: Desk, alice: User, carol: User
) -> None:
    assert desk(carol).post(EXPORT).status_code == 404
    assert desk(alice).get(EXPORT).status_code == 405
    assert not AuditEvent.objects.filter(kind="reviews.exported").exists()


def test_a_viewer_may_export_what_they_may_see(desk: Desk, victor: User) -> None:
    review = factories.review()
    assert [row["id"] for row in rows_of(desk(victor).post(EXPORT))] == [str(review.pk)]
