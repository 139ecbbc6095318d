"""Deadlines on the desk: how near one is, what happens then, and what is only assumed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from approvals.models import ReviewTask, User
from tests import factories
from tests.web.conftest import Desk
from tests.web.pages import at, text
from tests.web.reviews import review_of

pytestmark = pytest.mark.django_db


def test_a_default_deadline_never_claims_to_know(desk: Desk, alice: User) -> None:
    review = review_of({"taskToken": "token-of-the-default", "orderId": "A"})
    ReviewTask.objects.filter(pk=review.pk).update(deadline_at=F("sent_at") - timedelta(minutes=9))
    html = text(desk, alice, review)
    assert "AWS may already have closed this. A decision is still tried." in html
    assert at(review, "approve") in html


def test_after_the_deadline_the_page_explains_and_offers_no_decision(
    desk: Desk, alice: User
) -> None:
    review = factories.review()
    ReviewTask.objects.filter(pk=review.pk).update(deadline_at=F("sent_at") - timedelta(minutes=9))
    html = text(desk, alice, review)
    assert "a decision can no longer reach the workflow" in html
    assert at(review, "approve") not in html


LIST = "/queues/manual-review/"


@pytest.mark.parametrize(
    ("left", "texts"),
    [
        (timedelta(minutes=3), ("due-critical", "Closing")),
        (timedelta(minutes=10), ("due-soon", "Due soon")),
        (timedelta(minutes=50), ("due-calm", "Due")),
        (timedelta(minutes=-3), ("due-passed", "Passed")),
    ],
)
def test_a_deadline_is_shown_in_words_and_not_by_colour_alone(
    desk: Desk, alice: User, left: timedelta, texts: tuple[str, str]
) -> None:
    review = factories.review()
    ReviewTask.objects.filter(pk=review.pk).update(
        deadline_at=F("sent_at") + left, sent_at=F("sent_at") - timedelta(hours=2)
    )
    html = desk(alice).get(LIST).content.decode()
    assert texts[0] in html
    assert f'<span class="due-word">{texts[1]}</span>' in html
