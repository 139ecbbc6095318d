"""Unproved reviews on the desk: out of the open list, in a list of their own, and closed by a lead's form."""

from __future__ import annotations

import pytest
from django.db.models import F
from django.urls import reverse

from approvals.models import ReviewQueue, ReviewTask, User
from approvals.worker import periodic
from tests import factories
from tests.web.conftest import Desk
from tests.web.pages import at, references, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def overdue(queue: ReviewQueue) -> ReviewTask:
    """A review past its deadline that names no execution, put aside."""
    review = factories.review(
        queue, orderId="overdue-2e1e5", executionArn="", timeoutSeconds=5, priority=32_000
    )
    ReviewTask.objects.filter(pk=review.pk).update(deadline_at=F("sent_at"))
    assert periodic.put_unproved_aside() == 1
    review.refresh_from_db()
    return review


def test_it_leaves_the_open_list_and_stands_in_its_own(
    desk: Desk, alice: User, overdue: ReviewTask
) -> None:
    address = reverse("queue", args=[overdue.queue.slug])
    browser = desk(alice)

    assert references(browser.get(address).content.decode()) == []
    listed = browser.get(address, {"status": "unproved"}).content.decode()
    assert references(listed) == ["overdue-2e1e5"]


def test_a_lead_closes_it_and_a_refusal_keeps_what_was_typed(
    desk: Desk, alice: User, overdue: ReviewTask
) -> None:
    lead = factories.user("lena@example.com", "lead", overdue.queue)
    assert "cannot be proved" in text(desk, alice, overdue)
    assert at(overdue, "close") not in text(desk, alice, overdue)
    assert at(overdue, "close") in text(desk, lead, overdue)

    refused = desk(lead).post(at(overdue, "close"), {"reason": "x" * 301})
    assert (refused.status_code, "x" * 301 in refused.content.decode()) == (422, True)
    shown = refused.content.decode()
    assert "RefusalText" not in shown
    assert "This cannot be recorded" in shown
    assert desk(alice).post(at(overdue, "close"), {"reason": "why"}).status_code == 403
    assert desk(lead).post(at(overdue, "close"), {"reason": "why"}).status_code == 302

    overdue.refresh_from_db()
    assert overdue.status == "expired"
    assert "Closed without a proof" in text(desk, lead, overdue)


def test_an_open_review_is_not_closed_like_this(desk: Desk, queue: ReviewQueue) -> None:
    lead = factories.user("lena@example.com", "lead", queue)
    review = factories.review(queue)

    assert desk(lead).post(at(review, "close"), {"reason": "why"}).status_code == 422
    assert at(review, "close") not in text(desk, lead, review)
