"""Handing a review on and talking about it, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from approvals.actions import assignment, decisions
from approvals.models import ReviewTask, User
from approvals.models.choices import Outcome
from tests import factories
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


def test_a_comment_is_written_and_read_oldest_first_in_pages(
    api: Caller, call: Callable[..., Caller], bob: User, review: ReviewTask
) -> None:
    path = f"reviews/{review.pk}/comments/"
    created = api.post(path, {"text": "  The customer called.\r\nAll is well.  "})
    for number in range(3):
        call(bob).post(path, {"text": f"Note {number}"})

    first = api.get(path, {"page_size": 2}).json()
    second = api.get(first["next"]).json()

    assert created.status_code == 201
    assert list(created.json()) == ["id", "by", "text", "at"]
    assert created.json()["text"] == "The customer called.\nAll is well."
    assert first["results"][0] == created.json()
    texts = [shown["text"] for shown in first["results"] + second["results"]]
    assert texts[1:] == ["Note 0", "Note 1", "Note 2"]
    assert second["next"] is None


def test_a_comment_makes_nobodys_version_stale(api: Caller, review: ReviewTask) -> None:
    api.post(f"reviews/{review.pk}/comments/", {"text": "Seen."})

    assert api.get(f"reviews/{review.pk}/").json()["version"] == 1


def test_who_sees_a_review_reads_and_who_reviews_speaks(
    call: Callable[..., Caller], victor: User, carol: User, api: Caller, review: ReviewTask
) -> None:
    path = f"reviews/{review.pk}/comments/"
    api.post(path, {"text": "Seen."})

    assert len(call(victor).get(path).json()["results"]) == 1
    refused(call(victor).post(path, {"text": "Me too."}), 403, "not_allowed")
    refused(call(carol).get(path), 404, "not_found")
    refused(call(carol).post(path, {"text": "Me too."}), 404, "not_found")


@pytest.mark.parametrize("text", ["", "  \n", None, 7, ["x"], "x" * 4001, "a\0b", "\ud800"])
def test_what_is_no_comment_is_named(api: Caller, review: ReviewTask, text: Any) -> None:
    answer = api.post(f"reviews/{review.pk}/comments/", {"text": text})

    assert refused(answer, 422, "invalid")["pointer"] == "/text"


def test_a_decided_review_can_be_talked_about(api: Caller, alice: User, review: ReviewTask) -> None:
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))

    assert api.post(f"reviews/{review.pk}/comments/", {"text": "Done."}).status_code == 201
