"""Versions: every answer that is one review names its own, and a verb can be bound to one."""

from __future__ import annotations

import pytest

from approvals.actions import assignment, decisions
from approvals.models import Decision, ReviewTask, User
from approvals.models.choices import Outcome
from tests.callers import Caller, refused
from tests.factories import actor

pytestmark = pytest.mark.django_db

VERBS: dict[str, dict[str, str]] = {
    "claim": {},
    "renew": {},
    "release": {},
    "reassign": {"to": "bob@example.com"},
    "decisions": {"outcome": "approved"},
}


@pytest.fixture
def held(alice: User, bob: User, review: ReviewTask) -> ReviewTask:
    """A review that Alice holds, at version 2."""
    return assignment.claim(review.pk, by=actor(alice))


@pytest.mark.parametrize("verb", VERBS)
def test_a_version_that_is_gone_refuses_and_changes_nothing(
    api: Caller, held: ReviewTask, verb: str
) -> None:
    path = f"reviews/{held.pk}/{verb}/"

    problem = refused(api.post(path, VERBS[verb], HTTP_IF_MATCH='"1"'), 412, "stale_version")

    assert problem["version"] == 2
    held.refresh_from_db()
    assert (held.version, held.status) == (2, "pending")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("version", ['"2"', "*", ' "2" '])
def test_the_version_that_is_or_any_goes_through(
    api: Caller, held: ReviewTask, verb: str, version: str
) -> None:
    answer = api.post(f"reviews/{held.pk}/{verb}/", VERBS[verb], HTTP_IF_MATCH=version)

    assert answer.status_code in (200, 201)
    assert answer.headers["ETag"] == f'"{answer.json()["version"]}"'


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("header", ["", "2", '"two"', 'W/"2"', '"1", "2"', '"-1"', '"' + "9" * 19])
def test_a_header_that_is_no_version_is_named(
    api: Caller, held: ReviewTask, verb: str, header: str
) -> None:
    answer = api.post(f"reviews/{held.pk}/{verb}/", VERBS[verb], HTTP_IF_MATCH=header)

    assert refused(answer, 422, "invalid")["header"] == "If-Match"


def test_reading_next_and_undo_tell_the_version(
    api: Caller, alice: User, review: ReviewTask
) -> None:
    assert api.get(f"reviews/{review.pk}/").headers["ETag"] == '"1"'
    assert api.post("queues/manual-review/next/").headers["ETag"] == '"2"'
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))
    undone = api.post(f"decisions/{Decision.objects.get().pk}/undo/")

    assert (undone.headers["ETag"], undone.json()["version"]) == ('"4"', 4)


def test_a_version_is_no_reason_to_say_that_nothing_has_changed(
    api: Caller, review: ReviewTask
) -> None:
    tag = api.get(f"reviews/{review.pk}/").headers["ETag"]

    assert api.get(f"reviews/{review.pk}/", HTTP_IF_NONE_MATCH=tag).status_code == 200


def test_what_is_no_single_review_has_no_version(api: Caller, review: ReviewTask) -> None:
    for path in ("reviews/", f"reviews/{review.pk}/events/", f"reviews/{review.pk}/comments/"):
        assert "ETag" not in api.get(path).headers
