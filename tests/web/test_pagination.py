"""Pages of the desk's lists: a cursor that cannot be read leads to the first."""

from __future__ import annotations

import pytest

from approvals import pagination
from approvals.exceptions import Invalid
from approvals.models import ReviewQueue, ReviewTask, User
from approvals.web.review_rows import BY_DEADLINE
from tests.web.conftest import Desk
from tests.web.pages import references
from tests.web.reviews import open_reviews

pytestmark = pytest.mark.django_db
LIST = "/queues/manual-review/"


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        "bnVsbA",
        "WyJuIl0",
        "WyJuIiwieCIsInkiXQ",
        "W1siXSwxXQ",
        "A" * 900,
        "WyJuIixudWxsLG51bGxd",
    ],
)
def test_a_tampered_cursor_leads_to_the_first_page(
    desk: Desk, queue: ReviewQueue, alice: User, cursor: str
) -> None:
    reviews = open_reviews(queue, 3)
    response = desk(alice).get(LIST, {"cursor": cursor})
    assert references(response.content.decode()) == [r.reference for r in reviews]
    with pytest.raises(Invalid):
        pagination.page(ReviewTask.objects.all(), BY_DEADLINE, size=3, cursor=cursor)
