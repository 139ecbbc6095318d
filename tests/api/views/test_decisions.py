"""Deciding and undoing over HTTP, with every way in which it is refused."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from approvals.actions import assignment
from approvals.models import Decision, OutboxEntry, ReviewQueue, ReviewTask, User, Vote
from tests import factories
from tests.callers import Caller, refused
from tests.factories import actor

pytestmark = pytest.mark.django_db

APPROVE = {"outcome": "approved"}


def decisions_of(review: ReviewTask) -> str:
    """Where the review is decided."""
    return f"reviews/{review.pk}/decisions/"


def test_approving_answers_the_review_with_the_vote(api: Caller, review: ReviewTask) -> None:
    answer = api.post(decisions_of(review), APPROVE | {"reason": "Known customer."})

    shown = answer.json()
    assert (answer.status_code, shown["status"], shown["outcome"]) == (201, "approved", "approved")
    assert shown["decision"]["reason"] == "Known customer."
    assert shown["decision"]["by"] == "alice@example.com"
    assert shown["delivery"]["detail"] == "queued"
    vote = Vote.objects.get()
    assert shown["vote"] == {"id": str(vote.pk), "outcome": "approved"}
    assert (vote.surface, vote.signed_in.startswith("token:")) == ("api", True)


def test_an_outcome_that_is_none_is_refused_with_those_that_are(
    api: Caller, review: ReviewTask
) -> None:
    answer = api.post(decisions_of(review), {"outcome": "approve"})
    assert answer.status_code == 422
    told = '"approve" is not a valid choice: take approved, rejected.'
    assert told in answer.content.decode().replace('\\"', '"')


def test_rejecting_with_a_window_can_be_undone(api: Caller, review: ReviewTask) -> None:
    body = {"outcome": "rejected", "reason": "No.", "undo_seconds": 10}
    shown = api.post(decisions_of(review), body).json()

    undone = api.post(f"decisions/{shown['decision']['id']}/undo/")

    assert shown["delivery"]["detail"] == "undo_window"
    assert (undone.status_code, undone.json()["status"]) == (200, "pending")
    assert (undone.json()["decision"], undone.json()["delivery"]) == (None, None)
    assert api.post(decisions_of(review), APPROVE).status_code == 201


def test_without_being_asked_for_there_is_no_undo_window(api: Caller, review: ReviewTask) -> None:
    decision = api.post(decisions_of(review), APPROVE).json()["decision"]

    assert decision["undo_until"] == decision["decided_at"]


def test_undo_comes_too_late_once_sending_has_begun(api: Caller, review: ReviewTask) -> None:
    decision = api.post(decisions_of(review), APPROVE | {"undo_seconds": 5}).json()["decision"]
    OutboxEntry.objects.update(attempts=1)

    refused(api.post(f"decisions/{decision['id']}/undo/"), 409, "undo_closed")


def test_undo_is_for_who_decided_or_a_lead(
    api: Caller, call: Callable[..., Caller], bob: User, lena: User, carol: User, review: ReviewTask
) -> None:
    decision = api.post(decisions_of(review), APPROVE | {"undo_seconds": 5}).json()["decision"]
    undo = f"decisions/{decision['id']}/undo/"

    refused(call(carol).post(undo), 404, "not_found")
    refused(call(bob).post(undo), 403, "not_allowed")
    refused(api.post(f"decisions/{uuid.uuid4()}/undo/"), 404, "not_found")
    assert call(lena).post(undo).status_code == 200
    refused(call(lena).post(undo), 409, "undo_closed")


def test_the_second_reviewer_learns_who_was_first(
    api: Caller, call: Callable[..., Caller], bob: User, review: ReviewTask
) -> None:
    api.post(decisions_of(review), APPROVE)

    problem = refused(
        call(bob).post(decisions_of(review), {"outcome": "rejected"}), 409, "already_decided"
    )

    assert problem["by"] == "alice@example.com"
    assert (problem["outcome"], problem["review_status"]) == ("approved", "approved")
    assert Decision.objects.count() == 1
    refused(call(bob).post(f"reviews/{review.pk}/claim/"), 409, "already_decided")


def test_anothers_claim_stands_unless_a_lead_overrides(
    api: Caller, call: Callable[..., Caller], bob: User, lena: User, review: ReviewTask
) -> None:
    assignment.claim(review.pk, by=actor(bob))
    override = APPROVE | {"override": True}

    problem = refused(api.post(decisions_of(review), APPROVE), 409, "claimed_by_another")
    refused(api.post(decisions_of(review), override), 403, "not_allowed")

    assert problem["assignee"] == "bob@example.com"
    assert call(lena).post(decisions_of(review), override).status_code == 201


def test_a_lease_id_must_still_hold(api: Caller, review: ReviewTask) -> None:
    lease = api.post(f"reviews/{review.pk}/claim/").json()["lease_id"]

    other = APPROVE | {"lease_id": str(uuid.uuid4())}
    refused(api.post(decisions_of(review), other), 409, "claimed_by_another")
    assert api.post(decisions_of(review), APPROVE | {"lease_id": lease}).status_code == 201


def test_a_deadline_of_the_message_closes_it(api: Caller, review: ReviewTask) -> None:
    ReviewTask.objects.update(deadline_at=Now() - timedelta(seconds=1))

    refused(api.post(decisions_of(review), APPROVE), 409, "deadline_passed")


def test_a_default_deadline_only_warns(api: Caller, queue: ReviewQueue) -> None:
    row = factories.review(queue, timeoutSeconds=None)
    ReviewTask.objects.update(deadline_at=Now() - timedelta(seconds=1))

    assert api.post(decisions_of(row), APPROVE).status_code == 201


@pytest.mark.parametrize("header", ['"1"', "*", ' "1" '])
def test_if_match_lets_the_version_pass_that_was_seen(
    api: Caller, review: ReviewTask, header: str
) -> None:
    assert api.post(decisions_of(review), APPROVE, HTTP_IF_MATCH=header).status_code == 201


def test_if_match_stops_a_decision_about_an_older_version(api: Caller, review: ReviewTask) -> None:
    api.post(f"reviews/{review.pk}/claim/")

    problem = refused(
        api.post(decisions_of(review), APPROVE, HTTP_IF_MATCH='"1"'), 412, "stale_version"
    )

    assert problem["version"] == 2


@pytest.mark.parametrize("header", ["1", "seven", '"x"', 'W/"1"', '"1", "2"', '"' + "9" * 99 + '"'])
def test_an_if_match_that_is_no_version_is_invalid(
    api: Caller, review: ReviewTask, header: str
) -> None:
    refused(api.post(decisions_of(review), APPROVE, HTTP_IF_MATCH=header), 422, "invalid")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/outcome"),
        ({"outcome": "maybe"}, "/outcome"),
        ({"outcome": True}, "/outcome"),
        ({"outcome": ["approved"]}, "/outcome"),
        ({"outcome": None}, "/outcome"),
        (APPROVE | {"overide": True}, "/overide"),
        (APPROVE | {"a/b~c": 1}, "/a~1b~0c"),
        (APPROVE | {"override": "yes"}, "/override"),
        (APPROVE | {"override": 1}, "/override"),
        (APPROVE | {"override": {}}, "/override"),
        (APPROVE | {"reason": 5}, "/reason"),
        (APPROVE | {"reason": None}, "/reason"),
        (APPROVE | {"reason": "x" * 32_769}, "/reason"),
        (APPROVE | {"reason": "a\0b"}, "/reason"),
        (APPROVE | {"reason_code": "x" * 65}, "/reason_code"),
        (APPROVE | {"edits": []}, "/edits"),
        (APPROVE | {"edits": "{}"}, "/edits"),
        (APPROVE | {"edits": {"total": 1}}, "/edits"),
        (APPROVE | {"edits": {"a": {"b": "\0"}}}, "/edits/a/b"),
        (APPROVE | {"lease_id": "mine"}, "/lease_id"),
        (APPROVE | {"lease_id": -1}, "/lease_id"),
        (APPROVE | {"undo_seconds": -1}, "/undo_seconds"),
        (APPROVE | {"undo_seconds": "5"}, "/undo_seconds"),
        (APPROVE | {"undo_seconds": 1.5}, "/undo_seconds"),
        (APPROVE | {"undo_seconds": True}, "/undo_seconds"),
        (APPROVE | {"undo_seconds": 10**60}, "/undo_seconds"),
        ([APPROVE], ""),
        (5, ""),
    ],
)
def test_a_body_that_cannot_be_is_invalid_at_its_place(
    api: Caller, review: ReviewTask, body: Any, pointer: str
) -> None:
    problem = refused(api.post(decisions_of(review), body), 422, "invalid")

    assert problem["pointer"] == pointer
    assert not Vote.objects.exists()


def test_edits_are_held_against_the_queues_schema(
    api: Caller, queue: ReviewQueue, review: ReviewTask
) -> None:
    schema = {"type": "object", "properties": {"total": {"type": "number", "minimum": 0}}}
    ReviewQueue.objects.filter(pk=queue.pk).update(output_schema=schema)

    problem = refused(
        api.post(decisions_of(review), APPROVE | {"edits": {"total": -1}}), 422, "invalid"
    )
    decided = api.post(decisions_of(review), APPROVE | {"edits": {"total": 5}})

    assert problem["pointer"] == "/edits/total"
    assert decided.json()["decision"]["edits"] == {"total": 5}
