"""Queues over HTTP: capped counts, the oldest, and taking the next review."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from approvals.actions import assignment, decisions, intake
from approvals.models import ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from tests import factories
from tests.callers import Caller, refused
from tests.factories import actor

pytestmark = pytest.mark.django_db

NEXT = "queues/manual-review/next/"


def test_an_empty_queue_counts_nothing(api: Caller, queue: ReviewQueue) -> None:
    assert api.get("queues/").json() == {
        "results": [
            {
                "slug": "manual-review",
                "name": "Manual review",
                "open": 0,
                "open_is_capped": False,
                "oldest_received_at": None,
                "oldest_age_seconds": None,
                "next_deadline_at": None,
                "reason_codes": [],
                "reason_required_for": [],
            }
        ],
        "next": None,
        "previous": None,
    }


def test_the_oldest_open_review_tells_how_long_it_has_waited(
    api: Caller, alice: User, queue: ReviewQueue
) -> None:
    old, older = factories.review(queue), factories.review(queue)
    ReviewTask.objects.filter(pk=old.pk).update(received_at=Now() - timedelta(minutes=5))
    ReviewTask.objects.filter(pk=older.pk).update(received_at=Now() - timedelta(minutes=9))
    decisions.decide(older.pk, Outcome.APPROVED, by=actor(alice))

    (shown,) = api.get("queues/").json()["results"]

    assert shown["open"] == 1
    assert 300 <= shown["oldest_age_seconds"] < 360
    assert shown["next_deadline_at"] == api.get(f"reviews/{old.pk}/").json()["deadline_at"]


def test_counting_stops_at_a_hundred(api: Caller, queue: ReviewQueue) -> None:
    intake.accept(queue, [factories.received() for _ in range(100)])
    (full,) = api.get("queues/").json()["results"]
    factories.review(queue)

    (over,) = api.get("queues/").json()["results"]

    assert (full["open"], full["open_is_capped"]) == (100, False)
    assert (over["open"], over["open_is_capped"]) == (100, True)


def test_only_ones_own_queues_are_listed(
    call: Callable[..., Caller], carol: User, queue: ReviewQueue
) -> None:
    listed = call(carol).get("queues/").json()["results"]

    assert [shown["slug"] for shown in listed] == ["refunds"]


def test_next_takes_what_is_due_first_and_free(
    api: Caller, call: Callable[..., Caller], bob: User, queue: ReviewQueue
) -> None:
    held = factories.review(queue, timeoutSeconds=100)
    second = factories.review(queue, timeoutSeconds=200)
    third = factories.review(queue, timeoutSeconds=300)
    assignment.claim(held.pk, by=actor(bob))

    taken = api.post(NEXT)

    assert (taken.status_code, taken.json()["id"]) == (200, str(second.pk))
    assert taken.json()["assignee"] == "alice@example.com"
    assert taken.json()["lease_id"] == str(ReviewTask.objects.get(pk=second.pk).lease_id)
    assert call(bob).post(NEXT).json()["id"] == str(third.pk)
    empty = api.post(NEXT)
    assert (empty.status_code, empty.content) == (204, b"")


def test_next_takes_the_lists_filters(api: Caller, queue: ReviewQueue) -> None:
    factories.review(queue, orderId="A-1", priority=1, timeoutSeconds=100)
    factories.review(queue, orderId="A-2", priority=2, timeoutSeconds=200)
    factories.review(queue, orderId="A-3", priority=3, timeoutSeconds=300)

    assert api.post(f"{NEXT}?reference=A-2").json()["reference"] == "A-2"
    assert api.post(f"{NEXT}?ordering=-priority").json()["reference"] == "A-3"
    assert api.post(f"{NEXT}?queue=elsewhere").status_code == 204
    assert api.post(f"{NEXT}?status=approved").status_code == 204
    refused(api.post(f"{NEXT}?page_size=5"), 422, "invalid")
    refused(api.post(NEXT, {"reference": "A-1"}), 422, "invalid")


def test_next_is_for_reviewers_of_the_queue(
    call: Callable[..., Caller], victor: User, carol: User, review: ReviewTask
) -> None:
    refused(call(victor).post(NEXT), 403, "not_allowed")
    refused(call(carol).post(NEXT), 404, "not_found")
    refused(call(carol).post("queues/nowhere/next/"), 404, "not_found")


def test_a_queue_tells_which_reasons_it_offers_and_asks_for(
    api: Caller, queue: ReviewQueue
) -> None:
    offered = {
        "code": "fraud",
        "label": "Fraud",
        "template": "Stolen card.",
        "outcomes": ["rejected"],
    }
    policy = {"reason_required_for": ["rejected"]}
    ReviewQueue.objects.update(reason_codes=[offered], policy=policy)

    (shown,) = api.get("queues/").json()["results"]

    assert shown["reason_codes"] == [offered]
    assert shown["reason_required_for"] == ["rejected"]
