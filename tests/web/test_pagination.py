"""Pages of the desk's lists: a cursor that cannot be read is refused, whichever list it is for."""

from __future__ import annotations

import base64
import json

import pytest

from approvals import pagination
from approvals.exceptions import Invalid
from approvals.models import ReviewQueue, ReviewTask, User
from approvals.web.review_rows import BY_DEADLINE
from tests.web.conftest import Desk
from tests.web.pages import references
from tests.web.reviews import open_reviews

pytestmark = pytest.mark.django_db
LISTS = [
    "/queues/manual-review/",
    "/queues/manual-review/?status=any",
    "/orders/",
    "/orders/batches/",
]
ROW = "0190f0c0-0000-7000-8000-000000000000"


def cursor(*place: object) -> str:
    """A cursor that holds these values."""
    return base64.urlsafe_b64encode(json.dumps(["n", *place]).encode()).decode().rstrip("=")


BENT = [
    "x", "é", "bnVsbA", "WyJuIl0", "WyJuIiwieCIsInkiXQ", "W1siXSwxXQ", "A" * 900, "A" * 100_000,
    "WyJuIixudWxsLG51bGxd", "[" * 500, "\0",
    cursor("2031-01-01T00:00:00+23:59", ROW), cursor("2031-01-01T00:00:00-23:59", ROW),
    cursor("2031-01-01T00:00:00+05:00", ROW), cursor("2031-01-01T00:00:00", ROW),
    cursor("0000-01-01T00:00:00+00:00", ROW), cursor("0001-01-01T00:00:00+23:59", ROW),
    cursor("9999-12-31T23:59:59-23:59", ROW), cursor("10000-01-01T00:00:00+00:00", ROW),
    cursor("infinity", ROW), cursor("-infinity", ROW), cursor("NaN", ROW), cursor("", ROW),
    cursor("2031-01-01T00:00:00+00:00\0", ROW), cursor("2031-01-01T00:00:00+00:00", "\0"),
    cursor("2031-01-01T00:00:00+00:00", "1" * 300), cursor("2031-01-01T00:00:00+00:00"),
    cursor("2031-01-01T00:00:00+00:00", ROW, ROW), cursor(1e308, ROW), cursor("9" * 400, ROW),
]  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("bent", BENT, ids=range(len(BENT)))
def test_a_bent_cursor_is_refused_by_every_list(
    desk: Desk, olga: User, queue: ReviewQueue, path: str, bent: str
) -> None:
    response = desk(olga).get(path, {"cursor": bent} | ({"status": "any"} if "?" in path else {}))
    assert response.status_code == 422
    assert "This page of the list cannot be found" in response.content.decode()


@pytest.mark.parametrize("bent", [*BENT, "\ud800"], ids=range(len(BENT) + 1))
def test_a_bent_cursor_is_no_place_in_a_list(bent: str) -> None:
    with pytest.raises(Invalid):
        pagination.page(ReviewTask.objects.all(), BY_DEADLINE, size=3, cursor=bent)


@pytest.mark.parametrize("number", ["1E-20000", "0E-20000", "-1E-1000000", "NaN", "1E21"])
def test_a_bent_amount_in_a_cursor_is_refused(
    desk: Desk, queue: ReviewQueue, alice: User, number: str
) -> None:
    query = {"sort": "amount", "cursor": cursor(number, ROW)}
    assert desk(alice).get("/queues/manual-review/", query).status_code == 422


@pytest.mark.parametrize("place", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59.999999+00:00"])
def test_a_cursor_at_the_ends_of_time_is_answered(
    desk: Desk, queue: ReviewQueue, alice: User, place: str
) -> None:
    reviews = open_reviews(queue, 3)
    response = desk(alice).get("/queues/manual-review/", {"cursor": cursor(place, ROW)})
    shown = references(response.content.decode())
    assert shown == ([r.reference for r in reviews] if place < "1" else [])
