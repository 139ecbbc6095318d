"""Comments over HTTP: who reads and who writes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from approvals.actions import decisions
from approvals.models import ReviewTask, User
from approvals.models.choices import Outcome
from tests.callers import Caller, refused
from tests.factories import actor

pytestmark = pytest.mark.django_db


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
