"""Idempotency-Key: a request that is sent again acts once and gets its answer again."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from approvals.actions import assignment, decisions, people
from approvals.actors import COMMAND_LINE
from approvals.models import (
    AuditEvent,
    Comment,
    Decision,
    IdempotencyKey,
    ReviewQueue,
    ReviewTask,
    User,
    Vote,
)
from approvals.models.choices import Outcome
from tests import factories
from tests.callers import Caller, refused
from tests.factories import actor

pytestmark = pytest.mark.django_db
KEY = {"HTTP_IDEMPOTENCY_KEY": "0f4c1f0e-one"}


def test_a_decision_sent_twice_is_one_vote_and_one_answer(api: Caller, review: ReviewTask) -> None:
    body = {"outcome": "approved", "reason": "Fine."}
    path = f"reviews/{review.pk}/decisions/"

    first, again = api.post(path, body, **KEY), api.post(path, body, **KEY)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert first.headers["ETag"] == again.headers["ETag"] == '"2"'
    assert (Vote.objects.count(), Decision.objects.count()) == (1, 1)


def test_without_a_key_the_second_decision_is_refused_as_ever(
    api: Caller, review: ReviewTask
) -> None:
    path = f"reviews/{review.pk}/decisions/"
    api.post(path, {"outcome": "approved"})

    refused(api.post(path, {"outcome": "approved"}), 409, "already_decided")
    assert not IdempotencyKey.objects.exists()


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("reviews/{}/claim/", {}, 200),
        ("reviews/{}/renew/", {}, 200),
        ("reviews/{}/release/", {}, 200),
        ("reviews/{}/reassign/", {"to": "bob@example.com"}, 200),
        ("reviews/{}/comments/", {"text": "Seen."}, 201),
        ("reviews/{}/decisions/", {"outcome": "rejected"}, 201),
        ("queues/manual-review/next/", {}, 200),
    ],
)
@pytest.mark.usefixtures("bob")
def test_every_verb_on_a_review_acts_once_under_a_key(
    call: Callable[..., Caller],
    lena: User,
    review: ReviewTask,
    path: str,
    body: dict[str, str],
    status: int,
) -> None:
    api = call(lena)
    if "next" not in path:
        assignment.claim(review.pk, by=actor(lena))

    first = api.post(path.format(review.pk), body, **KEY)
    events = AuditEvent.objects.count()
    again = api.post(path.format(review.pk), body, **KEY)

    assert (first.status_code, again.status_code) == (status, status), first.content
    assert first.json() == again.json()
    assert AuditEvent.objects.count() == events


def test_an_undo_sent_twice_says_twice_that_it_is_undone(
    api: Caller, alice: User, review: ReviewTask
) -> None:
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))
    path = f"decisions/{Decision.objects.get().pk}/undo/"

    first, again = api.post(path, **KEY), api.post(path, **KEY)

    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert first.json()["status"] == "pending"
    refused(api.post(path), 409, "undo_closed")


def test_a_repeated_next_is_the_same_review(api: Caller, queue: ReviewQueue) -> None:
    for _ in range(2):
        factories.review(queue)

    first, again = (api.post("queues/manual-review/next/", **KEY) for _ in range(2))
    other = api.post("queues/manual-review/next/")

    assert first.json()["lease_id"] == again.json()["lease_id"]
    assert other.json()["id"] != first.json()["id"]


def test_a_next_that_found_nothing_finds_nothing_again(api: Caller, queue: ReviewQueue) -> None:
    first = api.post("queues/manual-review/next/", **KEY)
    factories.review(queue)
    again = api.post("queues/manual-review/next/", **KEY)

    assert (first.status_code, again.status_code, again.content) == (204, 204, b"")
    assert ReviewTask.objects.get().assignee is None


def test_a_next_with_long_filters_is_run_once_too(api: Caller, review: ReviewTask) -> None:
    path = f"queues/manual-review/next/?q={'%C3%A9' * 90}"

    assert [api.post(path, **KEY).status_code for _ in range(2)] == [204, 204]


@pytest.mark.parametrize("path", ["reviews/{}/claim/", "queues/manual-review/next/"])
def test_a_repeated_claim_never_shows_a_lease_that_is_anothers(
    api: Caller, lena: User, review: ReviewTask, path: str
) -> None:
    first = api.post(path.format(review.pk), **KEY).json()
    taken = assignment.claim(review.pk, by=actor(lena), override=True)

    again = api.post(path.format(review.pk), **KEY)

    assert first["lease_id"]
    assert again.json()["lease_id"] is None
    assert again.json()["assignee"] == "lena@example.com"
    assert str(taken.lease_id) not in again.content.decode()


def test_a_repeated_claim_shows_no_lease_that_has_run_out(api: Caller, review: ReviewTask) -> None:
    api.post(f"reviews/{review.pk}/claim/", **KEY)
    ReviewTask.objects.update(lease_expires_at=Now() - timedelta(seconds=1))

    assert api.post(f"reviews/{review.pk}/claim/", **KEY).json()["lease_id"] is None


def test_a_repeated_decision_names_its_own_vote_not_a_later_one(
    api: Caller, alice: User, review: ReviewTask
) -> None:
    path = f"reviews/{review.pk}/decisions/"
    first = api.post(path, {"outcome": "approved", "undo_seconds": 10}, **KEY).json()
    decisions.undo(first["decision"]["id"], by=actor(alice))
    decisions.decide(review.pk, Outcome.REJECTED, by=actor(alice))

    again = api.post(path, {"outcome": "approved", "undo_seconds": 10}, **KEY).json()

    assert again["vote"] == first["vote"]
    assert again["status"] == "rejected"


def test_a_repeated_request_needs_no_fresh_version(api: Caller, review: ReviewTask) -> None:
    path = f"reviews/{review.pk}/claim/"

    answers = [api.post(path, HTTP_IF_MATCH='"1"', **KEY).status_code for _ in range(2)]

    assert answers == [200, 200]


def test_another_request_under_the_same_key_is_refused_and_does_nothing(
    api: Caller, queue: ReviewQueue, review: ReviewTask
) -> None:
    path = f"reviews/{review.pk}/comments/"
    api.post(path, {"text": "One."}, **KEY)
    elsewhere = f"reviews/{factories.review(queue).pk}/comments/"

    for answer in (
        api.post(path, {"text": "Two."}, **KEY),
        api.post(path, '{"text":  "One."}', **KEY),
        api.post(f"{path}?again=1", {"text": "One."}, **KEY),
        api.post(elsewhere, {"text": "One."}, **KEY),
        api.post(f"reviews/{review.pk}/claim/", **KEY),
    ):
        refused(answer, 422, "idempotency_mismatch")
    assert Comment.objects.count() == 1


def test_a_refusal_is_not_kept(api: Caller, alice: User, bob: User, review: ReviewTask) -> None:
    path = f"reviews/{review.pk}/claim/"
    held = assignment.claim(review.pk, by=actor(bob))
    refused(api.post(path, **KEY), 409, "claimed_by_another")
    refused(api.post(path, {"overide": True}, **KEY), 422, "invalid")
    assignment.release(held.pk, by=actor(bob))

    assert api.post(path, **KEY).status_code == 200


def test_keys_are_each_callers_own(
    api: Caller, call: Callable[..., Caller], bob: User, queue: ReviewQueue
) -> None:
    reviews = [factories.review(queue) for _ in range(2)]

    for caller, review in zip((api, call(bob)), reviews, strict=True):
        assert caller.post(f"reviews/{review.pk}/claim/", **KEY).status_code == 200


def test_a_key_does_not_outlive_the_right_to_see_the_answer(
    api: Caller, alice: User, queue: ReviewQueue, review: ReviewTask
) -> None:
    path = f"reviews/{review.pk}/comments/"
    api.post(path, {"text": "One."}, **KEY)
    alice.memberships.all().delete()

    refused(api.post(path, {"text": "One."}, **KEY), 404, "not_found")


@pytest.mark.parametrize("key", ["", "é", "\u20ac", "x" * 256, "a\tb", "a\x7f", "a\0"])
def test_a_key_that_is_none_is_named(api: Caller, review: ReviewTask, key: str) -> None:
    answer = api.post(f"reviews/{review.pk}/claim/", HTTP_IDEMPOTENCY_KEY=key)

    assert refused(answer, 422, "invalid")["header"] == "Idempotency-Key"
    assert ReviewTask.objects.get().assignee is None


def test_a_key_may_be_any_printable_text(api: Caller, queue: ReviewQueue) -> None:
    for key in ("x" * 255, '"quoted"', "a b, c", str(uuid.uuid4())):
        path = f"reviews/{factories.review(queue).pk}/claim/"

        answer = api.post(path, HTTP_IDEMPOTENCY_KEY=key)

        assert answer.status_code == 200, answer.content


def test_a_get_takes_no_notice_of_a_key(api: Caller, review: ReviewTask) -> None:
    assert api.get("reviews/", HTTP_IDEMPOTENCY_KEY="\0").status_code == 200


def test_an_account_that_is_gone_gets_no_answer_again(
    api: Caller, alice: User, review: ReviewTask
) -> None:
    api.post(f"reviews/{review.pk}/claim/", **KEY)
    alice.is_active = False
    alice.save()

    refused(api.post(f"reviews/{review.pk}/claim/", **KEY), 401, "not_authenticated")


def test_a_service_has_keys_too(
    call: Callable[..., Caller], queue: ReviewQueue, review: ReviewTask
) -> None:
    robot = factories.user("robot@example.com", "reviewer", queue, kind="service")
    people.grant_site(robot, "orders", by=COMMAND_LINE)

    assert call(robot).post(f"reviews/{review.pk}/claim/", **KEY).status_code == 200
    assert IdempotencyKey.objects.get().principal == f"user:{robot.pk}"
