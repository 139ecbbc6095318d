"""Unproved reviews in the API: their own status in lists, and closed once by a lead."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db.models import F

from approvals.actions import lifecycle
from approvals.models import ReviewQueue, ReviewTask, User
from tests import factories
from tests.callers import Caller

pytestmark = pytest.mark.django_db


def test_it_is_listed_by_its_status_counted_nowhere_and_closed_by_a_lead_once(
    call: Callable[..., Caller], lena: User, alice: User, queue: ReviewQueue
) -> None:
    review = factories.review(queue, executionArn="")
    ReviewTask.objects.filter(pk=review.pk).update(deadline_at=F("sent_at"))
    lifecycle.mark_unproved(review.pk)
    path, body = f"reviews/{review.pk}/close-unproved/", {"reason": "by hand"}

    assert call(alice).get("reviews/").json()["results"] == []
    (listed,) = call(alice).get("reviews/?status=unproved").json()["results"]
    assert (listed["id"], listed["status"]) == (str(review.pk), "unproved")
    assert call(alice).get("queues/").json()["results"][0]["open"] == 0
    late = call(alice).post(f"reviews/{review.pk}/decisions/", {"outcome": "approved"})
    assert (late.status_code, late.json()["code"]) == (409, "deadline_passed")

    assert call(alice).post(path, body).status_code == 403
    assert call(lena).post(path, {"reason": ""}).status_code == 422
    closed = call(lena).post(path, body)
    assert (closed.status_code, closed.json()["status"]) == (200, "expired")
    assert call(lena).post(path, body).json()["code"] == "already_decided"
