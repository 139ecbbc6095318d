"""Claims over HTTP: claim, extend, release, take over, and hand a review on."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from approvals.actions import assignment, decisions
from approvals.models import ReviewTask, User
from approvals.models.choices import Outcome
from tests import factories
from tests.api.review_documents import KEYS, expire_lease
from tests.callers import Caller, refused
from tests.factories import actor

pytestmark = pytest.mark.django_db


def test_a_holder_hands_on_what_is_theirs(
    api: Caller, alice: User, call: Callable[..., Caller], bob: User, review: ReviewTask
) -> None:
    lease = api.post(f"reviews/{review.pk}/claim/").json()["lease_id"]

    answer = api.post(f"reviews/{review.pk}/reassign/", {"to": "Bob@Example.com"})

    assert (answer.status_code, answer.json()["assignee"]) == (200, "bob@example.com")
    assert "lease_id" not in answer.json()
    renewed = call(bob).post(f"reviews/{review.pk}/renew/").json()
    assert renewed["lease_id"] != lease


def test_a_lead_hands_on_anybodys_and_a_reviewer_only_their_own(
    api: Caller, call: Callable[..., Caller], lena: User, bob: User, review: ReviewTask
) -> None:
    assignment.claim(review.pk, by=actor(bob))

    body = {"to": "alice@example.com"}
    refused(api.post(f"reviews/{review.pk}/reassign/", body), 403, "not_allowed")
    handed = call(lena).post(f"reviews/{review.pk}/reassign/", body)

    assert handed.json()["assignee"] == "alice@example.com"


def test_nobody_learns_from_a_reassignment_who_has_an_account(
    api: Caller, carol: User, victor: User, review: ReviewTask
) -> None:
    gone = factories.user("gone@example.com", "reviewer")
    gone.is_active = False
    gone.save()
    api.post(f"reviews/{review.pk}/claim/")

    problems = set()
    for name in ("carol", "victor", "gone", "nobody.at.all"):
        to = f"{name}@example.com"
        problem = refused(api.post(f"reviews/{review.pk}/reassign/", {"to": to}), 422, "invalid")
        assert problem["pointer"] == "/to"
        problems.add(str(problem).replace(to, "X"))
    assert len(problems) == 1


def test_an_unknown_address_is_refused_no_earlier_than_a_known_one(
    api: Caller, call: Callable[..., Caller], bob: User, carol: User, review: ReviewTask
) -> None:
    for to in ("bob@example.com", "nobody@example.com"):
        body = {"to": to}
        refused(call(carol).post(f"reviews/{review.pk}/reassign/", body), 404, "not_found")
        refused(api.post(f"reviews/{review.pk}/reassign/", body), 403, "not_allowed")
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(bob))
    for to in ("bob@example.com", "nobody@example.com"):
        answer = api.post(f"reviews/{review.pk}/reassign/", {"to": to})
        refused(answer, 409, "already_decided")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"to": None},
        {"to": 7},
        {"to": ""},
        {"to": "bob"},
        {"to": "a\0@example.com"},
        {"to": ["bob@example.com"]},
        {"to": "x" * 250 + "@example.com"},
    ],
)
def test_what_is_no_address_is_named(api: Caller, review: ReviewTask, body: Any) -> None:
    problem = refused(api.post(f"reviews/{review.pk}/reassign/", body), 422, "invalid")

    assert problem["pointer"] == "/to"


def test_a_claim_tells_its_lease_to_its_holder_alone(
    api: Caller, call: Callable[..., Caller], bob: User, review: ReviewTask
) -> None:
    claimed = api.post(f"reviews/{review.pk}/claim/").json()

    again = api.post(f"reviews/{review.pk}/claim/").json()
    seen_by_bob = call(bob).get(f"reviews/{review.pk}/").json()
    seen_by_alice = api.get(f"reviews/{review.pk}/").json()

    assert list(claimed) == [*KEYS, "lease_id"]
    assert claimed["assignee"] == "alice@example.com"
    assert again["lease_id"] == claimed["lease_id"]
    assert "lease_id" not in seen_by_bob | seen_by_alice
    assert seen_by_bob["assignee"] == "alice@example.com"
    assert seen_by_bob["version"] == again["version"]


def test_anothers_claim_is_a_conflict_that_names_its_holder(
    api: Caller, call: Callable[..., Caller], bob: User, review: ReviewTask
) -> None:
    api.post(f"reviews/{review.pk}/claim/")

    for verb in ("claim", "renew", "release"):
        problem = refused(call(bob).post(f"reviews/{review.pk}/{verb}/"), 409, "claimed_by_another")
        assert problem["assignee"] == "alice@example.com"


def test_a_lead_takes_over_and_a_reviewer_may_not(
    api: Caller, call: Callable[..., Caller], bob: User, lena: User, review: ReviewTask
) -> None:
    api.post(f"reviews/{review.pk}/claim/")

    refused(call(bob).post(f"reviews/{review.pk}/claim/", {"override": True}), 403, "not_allowed")
    taken = call(lena).post(f"reviews/{review.pk}/claim/", {"override": True})

    assert taken.json()["assignee"] == "lena@example.com"


def test_an_expired_lease_shows_as_nobodys(
    api: Caller, alice: User, call: Callable[..., Caller], bob: User, review: ReviewTask
) -> None:
    assignment.claim(review.pk, by=actor(alice))
    expire_lease(review)

    for shown in (
        api.get(f"reviews/{review.pk}/").json(),
        api.get("reviews/").json()["results"][0],
    ):
        assert (shown["assignee"], shown["lease_expires_at"]) == (None, None)
    assert call(bob).post(f"reviews/{review.pk}/claim/").status_code == 200


def test_renewing_lengthens_ones_own_lease(api: Caller, review: ReviewTask) -> None:
    lease = api.post(f"reviews/{review.pk}/claim/").json()["lease_id"]
    ReviewTask.objects.update(lease_expires_at=F("lease_expires_at") - timedelta(seconds=100))
    before = api.get(f"reviews/{review.pk}/").json()["lease_expires_at"]

    renewed = api.post(f"reviews/{review.pk}/renew/", {"lease_id": lease})

    assert renewed.json()["lease_id"] == lease
    assert renewed.json()["lease_expires_at"] > before
    other = {"lease_id": str(uuid.uuid4())}
    refused(api.post(f"reviews/{review.pk}/renew/", other), 409, "claimed_by_another")


def test_releasing_gives_it_back_and_twice_is_no_error(api: Caller, review: ReviewTask) -> None:
    api.post(f"reviews/{review.pk}/claim/")

    for _ in range(2):
        shown = api.post(f"reviews/{review.pk}/release/")
        assert (shown.status_code, shown.json()["assignee"]) == (200, None)
