"""A webhook that comes again: the same id and body get the first answer, and decide nothing."""

from __future__ import annotations

import pytest
from django.db import OperationalError

from approvals import policy
from approvals.actions import assignment, decisions
from approvals.models import (
    Decision,
    IdempotencyKey,
    ReviewQueue,
    ReviewTask,
    User,
    Vote,
)
from tests import factories
from tests.api.signing import Sender, about, issue, kept
from tests.callers import refused
from tests.canary import CANARY, assert_no_canary
from tests.factories import actor

pytestmark = pytest.mark.django_db


def test_a_replay_gets_the_first_answer_in_the_same_bytes_and_decides_nothing(
    erp: Sender, alice: User, review: ReviewTask
) -> None:
    first = erp.send(about(review), "msg-1")

    later = [erp.send(about(review), "msg-1") for _ in range(3)]

    assert {(answer.status_code, answer.content) for answer in later} == {(200, first.content)}
    assert (Vote.objects.count(), Decision.objects.count(), kept()) == (1, 1, 1)


def test_a_replay_keeps_its_answer_after_the_decision_was_undone_and_another_made(
    erp: Sender, alice: User, lena: User, review: ReviewTask
) -> None:
    first = erp.send(about(review), "msg-1")
    decisions.undo(Decision.objects.get().pk, by=actor(lena))
    erp.send(about(review, approved=False), "msg-2")

    again = erp.send(about(review), "msg-1")

    assert (again.status_code, again.content) == (200, first.content)
    assert again.json()["outcome"] == "approved"


def test_an_id_that_came_with_another_body_is_a_conflict(
    erp: Sender, alice: User, review: ReviewTask
) -> None:
    first = erp.send(about(review), "msg-1")

    problem = refused(erp.send(about(review, approved=False), "msg-1"), 409, "receipt_conflict")

    assert "another body" in problem["detail"]
    assert erp.send(about(review), "msg-1").content == first.content
    assert Decision.objects.get().outcome == "approved"


def test_a_refusal_is_remembered_too(
    erp: Sender, alice: User, bob: User, review: ReviewTask
) -> None:
    assignment.claim(review.pk, by=actor(bob))
    first = erp.send(about(review), "msg-1")
    assignment.release(review.pk, by=actor(bob))

    again = erp.send(about(review), "msg-1")
    fresh = erp.send(about(review), "msg-2")

    refused(first, 409, "claimed_by_another")
    refused(again, 409, "claimed_by_another")
    assert again.content == first.content
    assert fresh.status_code == 200


def test_an_unreadable_body_is_remembered_as_a_refusal(erp: Sender, queue: ReviewQueue) -> None:
    first, again = (erp.send(b"{", "msg-1") for _ in range(2))

    refused(again, 422, "invalid")
    assert first.content == again.content
    assert kept() == 1


def test_a_failure_of_ours_is_not_remembered(
    erp: Sender, alice: User, review: ReviewTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: object, **_kwargs: object) -> None:
        raise OperationalError("the connection was lost")

    monkeypatch.setattr(decisions, "decide", away)
    refused(erp.send(about(review), "msg-1"), 503, "unavailable")
    monkeypatch.undo()

    assert erp.send(about(review), "msg-1").status_code == 200


def test_what_nobody_foresaw_repeats_nothing_of_the_body(
    erp: Sender,
    alice: User,
    queue: ReviewQueue,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("nobody foresaw this")

    factories.review(queue, taskToken=CANARY)
    monkeypatch.setattr(decisions, "decide", broken)
    body = {"task_token": CANARY, "approved": True, "reviewer_email": alice.email}

    answer = erp.send(body | {"reason": f"as {CANARY} says"}, "msg-1")

    refused(answer, 500, "internal_error")
    output = caplog.text + "".join(capfd.readouterr())
    assert "nobody foresaw this" in output
    assert_no_canary(output + answer.content.decode())
    assert kept() == 0


def test_a_call_that_nobody_signed_is_not_remembered(
    erp: Sender, alice: User, review: ReviewTask
) -> None:
    refused(erp.send(about(review), "msg-1", signature="v1,AAAA"), 401, "not_authenticated")

    assert IdempotencyKey.objects.count() == 0
    assert erp.send(about(review), "msg-1").status_code == 200


def test_senders_of_different_names_have_ids_of_their_own(
    erp: Sender, alice: User, queue: ReviewQueue
) -> None:
    one, two = factories.review(queue), factories.review(queue)

    assert erp.send(about(one), "msg-1").status_code == 200
    assert issue("crm").send(about(two), "msg-1").status_code == 200


def test_while_votes_are_missing_no_decision_is_named_and_that_never_changes(
    erp: Sender, alice: User, bob: User, review: ReviewTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "votes_suffice", lambda outcomes: len(outcomes) > 1)

    first = erp.send(about(review), "msg-1")
    second = erp.send(about(review, reviewer_email=bob.email), "msg-2")
    again = erp.send(about(review), "msg-1")

    assert first.json()["decision_id"] is first.json()["decided_at"] is None
    assert second.json()["decision_id"] == str(Decision.objects.get().pk)
    assert again.content == first.content
