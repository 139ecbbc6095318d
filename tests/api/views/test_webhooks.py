"""Deciding by signed webhook over HTTP: what it does, what it refuses, and what a replay gets."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models.functions import Now
from django.test import Client

from approvals import policy
from approvals.actions import assignment, credentials, decisions, people
from approvals.actors import COMMAND_LINE
from approvals.api.views import webhooks
from approvals.exceptions import Invalid, NotFound
from approvals.models import (
    AuditEvent,
    Decision,
    IdempotencyKey,
    OutboxEntry,
    ReviewQueue,
    ReviewTask,
    User,
    Vote,
    WebhookSecret,
)
from approvals.models.choices import Outcome
from approvals.records import audit
from tests import factories
from tests.api.signing import PATH, about, issue, kept
from tests.callers import refused
from tests.canary import CANARY, assert_no_canary
from tests.factories import actor

pytestmark = pytest.mark.django_db

TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAcwebhook/task+token=="


@pytest.fixture
def erp(queue: ReviewQueue):
    """A program whose secret is good for all queues."""
    return issue()


def test_an_approval_decides_at_once_and_answers_what_will_never_change(
    erp: Any, alice: User, review: ReviewTask
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


def test_a_task_token_names_the_review(erp: Any, alice: User, queue: ReviewQueue) -> None:
    other, meant = factories.review(queue), factories.review(queue, taskToken=TOKEN)
    body = {"task_token": TOKEN, "approved": False, "reviewer_email": " Alice@Example.com "}

    answer = erp.send(body)

    assert answer.json()["review_id"] == str(meant.pk)
    assert (answer.json()["outcome"], answer.json()["by"]) == ("rejected", "alice@example.com")
    other.refresh_from_db()
    assert other.status == "pending"


@pytest.mark.parametrize("reason", [{}, {"reason": None}, {"reason": ""}, {"reason": "  "}])
def test_a_rejection_without_reason_says_so_to_step_functions(
    erp: Any, alice: User, review: ReviewTask, reason: Any
) -> None:
    erp.send(about(review, approved=False, **reason))

    decision = Decision.objects.get()
    call = json.loads(bytes(decision.callback))
    cause = f"Rejected by alice@example.com: No reason given [decision {decision.pk}]"
    assert call == {"error": "ReviewRejected", "cause": cause}
    assert decision.reason == ""


def test_where_rejections_are_results_the_reason_is_as_it_was_given(
    erp: Any, alice: User, review: ReviewTask
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
    erp: Any, alice: User, review: ReviewTask
) -> None:
    ReviewQueue.objects.update(policy={"reason_required_for": ["rejected"]})

    problem = refused(erp.send(about(review, approved=False)), 422, "invalid")

    assert problem["pointer"] == "/reason"
    assert erp.send(about(review, approved=False, reason="Too risky")).status_code == 200


def test_a_task_token_in_the_reason_stays_here(erp: Any, alice: User, queue: ReviewQueue) -> None:
    factories.review(queue, taskToken=TOKEN)
    reviewer = {"reviewer_email": alice.email, "reason": f"as {TOKEN} says"}

    erp.send({"task_token": TOKEN, "approved": True, **reviewer})

    assert Vote.objects.get().reason == "as [task token] says"


# --- the same call again


def test_a_replay_gets_the_first_answer_in_the_same_bytes_and_decides_nothing(
    erp: Any, alice: User, review: ReviewTask
) -> None:
    first = erp.send(about(review), "msg-1")

    later = [erp.send(about(review), "msg-1") for _ in range(3)]

    assert {(answer.status_code, answer.content) for answer in later} == {(200, first.content)}
    assert (Vote.objects.count(), Decision.objects.count(), kept()) == (1, 1, 1)


def test_a_replay_keeps_its_answer_after_the_decision_was_undone_and_another_made(
    erp: Any, alice: User, lena: User, review: ReviewTask
) -> None:
    first = erp.send(about(review), "msg-1")
    decisions.undo(Decision.objects.get().pk, by=actor(lena))
    erp.send(about(review, approved=False), "msg-2")

    again = erp.send(about(review), "msg-1")

    assert (again.status_code, again.content) == (200, first.content)
    assert again.json()["outcome"] == "approved"


def test_an_id_that_came_with_another_body_is_a_conflict(
    erp: Any, alice: User, review: ReviewTask
) -> None:
    first = erp.send(about(review), "msg-1")

    problem = refused(erp.send(about(review, approved=False), "msg-1"), 409, "receipt_conflict")

    assert "another body" in problem["detail"]
    assert erp.send(about(review), "msg-1").content == first.content
    assert Decision.objects.get().outcome == "approved"


def test_a_refusal_is_remembered_too(erp: Any, alice: User, bob: User, review: ReviewTask) -> None:
    assignment.claim(review.pk, by=actor(bob))
    first = erp.send(about(review), "msg-1")
    assignment.release(review.pk, by=actor(bob))

    again = erp.send(about(review), "msg-1")
    fresh = erp.send(about(review), "msg-2")

    refused(first, 409, "claimed_by_another")
    refused(again, 409, "claimed_by_another")
    assert again.content == first.content
    assert fresh.status_code == 200


def test_an_unreadable_body_is_remembered_as_a_refusal(erp: Any, queue: ReviewQueue) -> None:
    first, again = (erp.send(b"{", "msg-1") for _ in range(2))

    refused(again, 422, "invalid")
    assert first.content == again.content
    assert kept() == 1


def test_a_failure_of_ours_is_not_remembered(
    erp: Any, alice: User, review: ReviewTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args, **_kwargs):
        raise OperationalError("the connection was lost")

    monkeypatch.setattr(webhooks.decisions, "decide", away)
    refused(erp.send(about(review), "msg-1"), 503, "unavailable")
    monkeypatch.undo()

    assert erp.send(about(review), "msg-1").status_code == 200


def test_what_nobody_foresaw_repeats_nothing_of_the_body(
    erp: Any,
    alice: User,
    queue: ReviewQueue,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: Any,
) -> None:
    def broken(*_args, **_kwargs):
        raise RuntimeError("nobody foresaw this")

    factories.review(queue, taskToken=CANARY)
    monkeypatch.setattr(webhooks.decisions, "decide", broken)
    body = {"task_token": CANARY, "approved": True, "reviewer_email": alice.email}

    answer = erp.send(body | {"reason": f"as {CANARY} says"}, "msg-1")

    refused(answer, 500, "internal_error")
    output = caplog.text + "".join(capfd.readouterr())
    assert "nobody foresaw this" in output
    assert_no_canary(output + answer.content.decode())
    assert kept() == 0


def test_a_call_that_nobody_signed_is_not_remembered(
    erp: Any, alice: User, review: ReviewTask
) -> None:
    refused(erp.send(about(review), "msg-1", signature="v1,AAAA"), 401, "not_authenticated")

    assert IdempotencyKey.objects.count() == 0
    assert erp.send(about(review), "msg-1").status_code == 200


def test_senders_of_different_names_have_ids_of_their_own(
    erp: Any, alice: User, queue: ReviewQueue
) -> None:
    one, two = factories.review(queue), factories.review(queue)

    assert erp.send(about(one), "msg-1").status_code == 200
    assert issue("crm").send(about(two), "msg-1").status_code == 200


def test_while_votes_are_missing_no_decision_is_named_and_that_never_changes(
    erp: Any, alice: User, bob: User, review: ReviewTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "votes_suffice", lambda outcomes: len(outcomes) > 1)

    first = erp.send(about(review), "msg-1")
    second = erp.send(about(review, reviewer_email=bob.email), "msg-2")
    again = erp.send(about(review), "msg-1")

    assert first.json()["decision_id"] is first.json()["decided_at"] is None
    assert second.json()["decision_id"] == str(Decision.objects.get().pk)
    assert again.content == first.content


# --- who may


def test_who_may_not_decide_is_refused_in_one_wording(
    erp: Any, alice: User, victor: User, carol: User, review: ReviewTask
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
    erp: Any, alice: User, bob: User, queue: ReviewQueue
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
    erp: Any, alice: User, review: ReviewTask, changed: Any, pointer: Any
) -> None:
    problem = refused(erp.send(about(review, **changed)), 422, "invalid")

    assert problem["pointer"] == pointer
    assert not Vote.objects.exists()


@pytest.mark.parametrize("left_out", ["approved", "reviewer_email", "review_id"])
def test_what_is_left_out_is_missed(
    erp: Any, alice: User, review: ReviewTask, left_out: Any
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
def test_a_body_that_cannot_be_read_is_invalid(erp: Any, body: Any) -> None:
    refused(erp.send(body), 422, "invalid")


def test_a_body_over_64_kib_is_refused_before_anything_is_hashed(
    erp: Any, alice: User, review: ReviewTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        webhooks.webhook_signature, "verified", lambda *_: pytest.fail("it was hashed")
    )

    refused(erp.send(b" " * 65_537), 413, "too_large")


def test_64_kib_are_taken(erp: Any, alice: User, review: ReviewTask) -> None:
    body = json.dumps(about(review)).encode().ljust(65_536)

    assert erp.send(body).status_code == 200


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete"])
def test_only_post_exists(erp: Any, method: Any) -> None:
    answer = getattr(erp.client, method)("/api/v1/webhooks/decision/")

    assert answer.status_code == 405


# --- secrets


def test_a_sender_changes_over_from_one_secret_to_the_next(
    erp: Any, alice: User, queue: ReviewQueue
) -> None:
    old, new = erp, issue()
    rows = [factories.review(queue) for _ in range(3)]
    for sender, row in zip((old, new), rows, strict=False):
        assert sender.send(about(row)).status_code == 200
    old_id = WebhookSecret.objects.earliest("created_at").pk

    credentials.revoke_secret(old_id, by=COMMAND_LINE)

    refused(old.send(about(rows[2])), 401, "not_authenticated")
    assert new.send(about(rows[2])).status_code == 200


def test_both_secrets_of_a_name_share_its_ids(erp: Any, alice: User, review: ReviewTask) -> None:
    first = erp.send(about(review), "msg-1")

    again = issue().send(about(review), "msg-1")

    assert (again.status_code, again.content) == (200, first.content)


def test_a_revoked_secret_gets_no_first_answer_either(
    erp: Any, alice: User, review: ReviewTask
) -> None:
    erp.send(about(review), "msg-1")
    credentials.revoke_secret(WebhookSecret.objects.get().pk, by=COMMAND_LINE)

    refused(erp.send(about(review), "msg-1"), 401, "not_authenticated")


def test_a_name_signs_for_one_queue_or_for_all(erp: Any, queue: ReviewQueue) -> None:
    with pytest.raises(Invalid, match="signs for other reviews"):
        credentials.issue_secret("erp", queue.slug, by=COMMAND_LINE)
    credentials.issue_secret("bound", queue.slug, by=COMMAND_LINE)
    with pytest.raises(Invalid, match="signs for other reviews"):
        credentials.issue_secret("bound", by=COMMAND_LINE)


def test_a_name_given_to_another_queue_later_is_another_sender(
    erp: Any, alice: User, review: ReviewTask, queue: ReviewQueue
) -> None:
    assert erp.send(about(review), "msg-1").status_code == 200
    credentials.revoke_secret(WebhookSecret.objects.get().pk, by=COMMAND_LINE)
    later = issue("erp", queue.slug)
    other = factories.review(queue)

    assert later.send(about(other), "msg-1").status_code == 200

    signed = Decision.objects.get(review=other).signed_in
    assert (signed, kept()) == ("webhook:erp", 2)


def test_secrets_are_for_operators(alice: User, queue: ReviewQueue) -> None:
    with pytest.raises(policy.NotAllowed):
        credentials.issue_secret("erp", by=actor(alice, "command"))
    issue()
    row = WebhookSecret.objects.get()
    with pytest.raises(policy.NotAllowed):
        credentials.revoke_secret(row.pk, by=actor(alice, "command"))
    people.grant_site(alice, "operator", by=COMMAND_LINE)
    credentials.revoke_secret(row.pk, by=actor(alice, "command"))
    with pytest.raises(Invalid, match="already"):
        credentials.revoke_secret(row.pk, by=actor(alice, "command"))
    with pytest.raises(NotFound):
        credentials.revoke_secret(uuid.uuid4(), by=actor(alice, "command"))


def test_issue_and_end_of_a_secret_stand_on_its_chain(queue: ReviewQueue) -> None:
    for slug in (None, queue.slug):
        credentials.issue_secret(f"for {slug}", slug, by=COMMAND_LINE)
    for row in WebhookSecret.objects.all():
        credentials.revoke_secret(row.pk, by=COMMAND_LINE)
        chain = f"queue:{queue.pk}" if row.queue else f"webhook:{row.pk}"
        events = AuditEvent.objects.filter(chain=chain, kind__startswith="webhook_secret")
        kinds = list(events.order_by("seq").values_list("kind", flat=True))
        assert kinds == ["webhook_secret.issued", "webhook_secret.revoked"]
        assert events[0].data == {"name": row.name, "secret": str(row.pk)}
    assert [breach for chain in audit.chains() for breach in audit.verify(chain)] == []


def test_use_of_a_secret_is_noted(erp: Any, alice: User, review: ReviewTask) -> None:
    row = WebhookSecret.objects.get()
    erp.send(about(review), signature="v1,AAAA")
    row.refresh_from_db()
    assert row.last_used_at is None

    erp.send(about(review))

    row.refresh_from_db()
    assert row.last_used_at is not None


def test_guessed_signatures_use_up_an_addresss_rate_limit_and_a_right_one_does_not(
    erp: Any, alice: User, queue: ReviewQueue, settings: Any
) -> None:
    settings.API_RATE_PER_MINUTE = 60  # twenty at once
    held = [factories.review(queue) for _ in range(15)]
    answers = [erp.send(about(review)).status_code for review in held]
    assert set(answers) == {200}

    guesses = [erp.send(b"{}", signature="v1,AAAA") for _ in range(25)]

    assert {guess.status_code for guess in guesses[:20]} == {401}
    assert int(refused(guesses[-1], 429, "throttled")["retry_after"]) >= 1
    assert guesses[-1].headers["Retry-After"]


def test_each_secret_has_a_rate_limit_of_its_own_and_an_id_refused_for_it_is_not_used_up(
    erp: Any, alice: User, queue: ReviewQueue, review: ReviewTask, settings: Any
) -> None:
    settings.API_RATE_PER_MINUTE = 1  # twenty at once
    other, held = issue("crm"), factories.review(queue)
    for _ in range(20):
        erp.send(about(review), "again")

    late = erp.send(about(held), "late")

    assert int(refused(late, 429, "throttled")["retry_after"]) >= 1
    assert other.send(about(held, approved=False), "late").status_code == 200
    assert Decision.objects.get(review=held).outcome == "rejected"
    assert not IdempotencyKey.objects.filter(
        principal__startswith="webhook:erp:", key="late"
    ).exists()


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_signed_body_that_is_not_json_by_its_type_is_refused_and_its_id_is_still_free(
    erp: Any, alice: User, review: ReviewTask, media_type: Any
) -> None:
    raw = json.dumps(about(review)).encode()

    answer = erp.client.generic("POST", PATH, raw, media_type, headers=erp.headers(raw, "typed"))

    refused(answer, 415, "unsupported_media_type")
    assert Decision.objects.count() == 0
    assert erp.send(about(review), "typed").status_code == 200


# --- the description


def test_the_schema_names_the_headers_and_wants_no_bearer_token(client: Client) -> None:
    schema = client.get("/api/schema/", HTTP_ACCEPT="application/json").json()
    described = schema["paths"]["/api/v1/webhooks/decision/"]["post"]

    headers = [p["name"] for p in described["parameters"] if p["in"] == "header" and p["required"]]
    assert headers == ["webhook-id", "webhook-signature", "webhook-timestamp"]
    assert not described.get("security")
    assert described["operationId"] == "webhooks_decide"
    assert "application/problem+json" in described["responses"]["401"]["content"]
