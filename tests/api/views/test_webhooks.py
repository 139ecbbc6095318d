"""Deciding by signed webhook over HTTP: what it does, who may, and what it refuses."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from approvals.actions import decisions
from approvals.api import webhook_signature
from approvals.models import (
    AuditEvent,
    Decision,
    OutboxEntry,
    ReviewQueue,
    ReviewTask,
    User,
    Vote,
)
from approvals.models.choices import Outcome
from tests import factories
from tests.api.signing import PATH, Sender, about, issue
from tests.callers import refused
from tests.factories import actor

pytestmark = pytest.mark.django_db

TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAcwebhook/task+token=="


def test_an_approval_decides_at_once_and_answers_what_will_never_change(
    erp: Sender, alice: User, review: ReviewTask
) -> None:
    answer = erp.send(about(review, reason="Known customer."))

    decision = Decision.objects.get()
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json() == {
        "review_id": str(review.pk),
        "outcome": "approved",
        "decision_id": str(decision.pk),
        "by": "alice@example.com",
        "decided_at": decision.decided_at.isoformat(),
    }
    assert "no-store" in answer.headers["Cache-Control"]
    assert (decision.surface, decision.signed_in) == ("webhook", "webhook:erp")
    assert decision.undo_until == decision.decided_at
    assert OutboxEntry.objects.get().not_before == decision.decided_at
    event = AuditEvent.objects.get(chain=f"review:{review.pk}", kind="review.approved")
    assert (event.surface, event.actor) == ("webhook", alice)


def test_a_task_token_names_the_review(erp: Sender, alice: User, queue: ReviewQueue) -> None:
    other, meant = factories.review(queue), factories.review(queue, taskToken=TOKEN)
    body = {"task_token": TOKEN, "approved": False, "reviewer_email": " Alice@Example.com "}

    answer = erp.send(body)

    assert answer.json()["review_id"] == str(meant.pk)
    assert (answer.json()["outcome"], answer.json()["by"]) == ("rejected", "alice@example.com")
    other.refresh_from_db()
    assert other.status == "pending"


@pytest.mark.parametrize("reason", [{}, {"reason": None}, {"reason": ""}, {"reason": "  "}])
def test_a_rejection_without_reason_says_so_to_step_functions(
    erp: Sender, alice: User, review: ReviewTask, reason: dict[str, str | None]
) -> None:
    erp.send(about(review, approved=False, **reason))

    decision = Decision.objects.get()
    call = json.loads(bytes(decision.callback))
    cause = f"Rejected by alice@example.com: No reason given [decision {decision.pk}]"
    assert call == {"error": "ReviewRejected", "cause": cause}
    assert decision.reason == ""


def test_where_rejections_are_results_the_reason_is_as_it_was_given(
    erp: Sender, alice: User, review: ReviewTask
) -> None:
    ReviewQueue.objects.update(reject_as="result")
    other = factories.review(review.queue)

    erp.send(about(review, approved=False))
    erp.send(about(other, approved=False, reason="Too risky"))

    outputs = [
        json.loads(json.loads(bytes(decision.callback))["output"])
        for decision in Decision.objects.order_by("decided_at")
    ]
    assert [output["reason"] for output in outputs] == ["", "Too risky"]
    assert outputs[0]["decision"] == "rejected"
    assert outputs[0]["approved"] is False
    assert outputs[0]["approved_at"] is None


def test_a_queue_that_wants_a_reason_gets_one_or_nothing(
    erp: Sender, alice: User, review: ReviewTask
) -> None:
    ReviewQueue.objects.update(policy={"reason_required_for": ["rejected"]})

    problem = refused(erp.send(about(review, approved=False)), 422, "invalid")

    assert problem["pointer"] == "/reason"
    assert erp.send(about(review, approved=False, reason="Too risky")).status_code == 200


def test_a_task_token_in_the_reason_stays_here(
    erp: Sender, alice: User, queue: ReviewQueue
) -> None:
    factories.review(queue, taskToken=TOKEN)
    reviewer = {"reviewer_email": alice.email, "reason": f"as {TOKEN} says"}

    erp.send({"task_token": TOKEN, "approved": True, **reviewer})

    assert Vote.objects.get().reason == "as [task token] says"


# --- who may


def test_who_may_not_decide_is_refused_in_one_wording(
    erp: Sender, alice: User, victor: User, carol: User, review: ReviewTask
) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    emails = ["nobody@example.com", alice.email, victor.email, carol.email, "no address", "\u00e4"]

    answers = [erp.send(about(review, reviewer_email=email)) for email in emails]

    refused(answers[0], 403, "not_allowed")
    assert len({answer.content for answer in answers}) == 1
    assert not Vote.objects.exists()


def test_a_secret_of_a_queue_is_blind_to_all_others(
    alice: User, carol: User, queue: ReviewQueue
) -> None:
    mine, other = (
        factories.review(queue),
        factories.review(ReviewQueue.objects.get(slug="refunds")),
    )
    bound = issue("bound", "manual-review")
    elsewhere = about(other, reviewer_email=carol.email)

    hidden = refused(bound.send(elsewhere), 404, "not_found")
    missing = refused(bound.send(elsewhere | {"review_id": str(uuid.uuid4())}), 404, "not_found")

    assert hidden == missing
    assert bound.send(about(mine)).status_code == 200
    assert issue("free").send(elsewhere).status_code == 200


def test_a_secret_of_a_queue_finds_no_token_of_another_queue(
    alice: User, carol: User, queue: ReviewQueue
) -> None:
    factories.review(ReviewQueue.objects.get(slug="refunds"), taskToken=TOKEN)
    body = {"task_token": TOKEN, "approved": True, "reviewer_email": carol.email}

    refused(issue("bound", "manual-review").send(body), 404, "not_found")
    assert issue("free").send(body).status_code == 200


def test_the_verbs_own_refusals_come_as_they_are(
    erp: Sender, alice: User, bob: User, queue: ReviewQueue
) -> None:
    decided, late = factories.review(queue), factories.review(queue)
    decisions.decide(decided.pk, Outcome.REJECTED, by=actor(bob))
    ReviewTask.objects.filter(pk=late.pk).update(deadline_at=Now() - timedelta(seconds=1))

    problem = refused(erp.send(about(decided)), 409, "already_decided")
    refused(erp.send(about(late)), 409, "deadline_passed")

    assert (problem["by"], problem["outcome"]) == ("bob@example.com", "rejected")


# --- what is no call


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"review_id": None}, "/review_id"),
        ({"review_id": "seven"}, "/review_id"),
        ({"task_token": "x"}, ""),
        ({"approved": "true"}, "/approved"),
        ({"approved": 1}, "/approved"),
        ({"approved": None}, "/approved"),
        ({"reviewer_email": None}, "/reviewer_email"),
        ({"reviewer_email": ["alice@example.com"]}, "/reviewer_email"),
        ({"reviewer_email": ""}, "/reviewer_email"),
        ({"reason": 7}, "/reason"),
        ({"reason": "x" * 32_769}, "/reason"),
        ({"outcome": "approved"}, ""),
    ],
)
def test_a_body_of_another_shape_is_invalid(
    erp: Sender, alice: User, review: ReviewTask, changed: dict[str, Any], pointer: str
) -> None:
    problem = refused(erp.send(about(review, **changed)), 422, "invalid")

    assert problem["pointer"] == pointer
    assert not Vote.objects.exists()


@pytest.mark.parametrize("left_out", ["approved", "reviewer_email", "review_id"])
def test_what_is_left_out_is_missed(
    erp: Sender, alice: User, review: ReviewTask, left_out: str
) -> None:
    body = about(review)
    del body[left_out]

    refused(erp.send(body), 422, "invalid")


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b" ", b"null", b"[]", b"7", b'"x"', b"{", b"{}", b"{}x", b'{"approved": NaN}'),
        b'{"approved": true, "approved": false}',
        b'{"reason": "\\u0000"}',
        b'{"reason": "\\ud800"}',
        b"[" * 60_000,
        b"\xef\xbb\xbf{}",
    ],
)
def test_a_body_that_cannot_be_read_is_invalid(erp: Sender, body: bytes) -> None:
    refused(erp.send(body), 422, "invalid")


def test_a_body_over_64_kib_is_refused_before_anything_is_hashed(
    erp: Sender, alice: User, review: ReviewTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_signature, "verified", lambda *_: pytest.fail("it was hashed"))

    refused(erp.send(b" " * 65_537), 413, "too_large")


def test_64_kib_are_taken(erp: Sender, alice: User, review: ReviewTask) -> None:
    body = json.dumps(about(review)).encode().ljust(65_536)

    assert erp.send(body).status_code == 200


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete"])
def test_only_post_exists(erp: Sender, method: str) -> None:
    answer = getattr(erp.client, method)("/api/v1/webhooks/decision/")

    assert answer.status_code == 405


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_signed_body_that_is_not_json_by_its_type_is_refused_and_its_id_is_still_free(
    erp: Sender, alice: User, review: ReviewTask, media_type: str
) -> None:
    raw = json.dumps(about(review)).encode()

    answer = erp.client.generic("POST", PATH, raw, media_type, headers=erp.headers(raw, "typed"))

    refused(answer, 415, "unsupported_media_type")
    assert Decision.objects.count() == 0
    assert erp.send(about(review), "typed").status_code == 200
