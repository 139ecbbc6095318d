"""Bulk decisions over the API by its contract: answers, refusals, keys, limits, retry and undo."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db.models.functions import Now

from approvals import bulk
from approvals.actions import decisions, queues
from approvals.actions.decisions import MAX_REASON
from approvals.actors import COMMAND_LINE
from approvals.models import AuditEvent, BulkJob, Decision, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from tests import factories
from tests.bulk import refused_by_the_database
from tests.callers import Caller, refused
from tests.factories import actor

pytestmark = pytest.mark.django_db
KEY = {"HTTP_IDEMPOTENCY_KEY": "again"}
FIELDS = {
    *("id", "queue", "outcome", "reason_code", "reason", "by", "status", "counts"),
    *("created_at", "ended_at", "items"),
}
STATES = {"pending", "decided", "voted", "refused", "failed", "undone", "cancelled"}


def begun(caller: Caller, *reviews: ReviewTask, **more: Any) -> Any:
    body = {"reviews": [str(row.pk) for row in reviews], "outcome": "approved", **more}
    answer = caller.post("bulk-decisions/", body)
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_an_answer_has_these_fields_and_no_token_and_is_read_as_it_was_begun(
    call: Callable[..., Caller], queue: ReviewQueue, alice: User
) -> None:
    row, caller = factories.review(queue), call(alice)

    shown = begun(caller, row)

    assert shown.keys() == FIELDS
    assert shown["counts"].keys() == STATES
    assert sum(shown["counts"].values()) == len(shown["items"]) == 1
    read = caller.get(f"bulk-decisions/{shown['id']}/")
    assert read.json() == shown
    assert read.headers["Cache-Control"] == "no-store"
    assert b"token" not in read.content


def test_without_a_window_asked_for_decisions_are_sent_at_once(
    call: Callable[..., Caller], alice: User
) -> None:
    slow, caller = factories.queue(undo_seconds=60), call(alice)
    begun(caller, factories.review(slow))
    bulk.run_due()
    begun(caller, factories.review(slow), undo_seconds=20)
    bulk.run_due()

    first, second = Decision.objects.order_by("id")
    assert first.undo_until is None or first.undo_until <= first.decided_at
    assert second.undo_until is not None
    assert second.undo_until - second.decided_at == timedelta(seconds=20)


def test_what_failed_is_tried_again_once_and_what_was_refused_stays_so(
    call: Callable[..., Caller], queue: ReviewQueue, alice: User, bob: User
) -> None:
    rows = [factories.review(queue) for _ in range(3)]
    decisions.decide(rows[1].pk, Outcome.REJECTED, by=actor(bob))
    caller = call(alice)
    shown = begun(caller, *rows)
    path = f"bulk-decisions/{shown['id']}/"
    with refused_by_the_database(rows[0]):
        bulk.run_due()
    failed = caller.get(path).json()
    assert [item["state"] for item in failed["items"]] == ["failed", "refused", "decided"]
    assert failed["items"][1]["code"] == "already_decided"
    assert failed["ended_at"] is not None

    first = caller.post(f"{path}retry/", **KEY)
    again = caller.post(f"{path}retry/", **KEY)

    assert (first.status_code, again.status_code) == (200, 200)
    assert (first.json()["status"], first.json()["ended_at"]) == ("running", None)
    assert first.json()["counts"]["pending"] == 1
    assert AuditEvent.objects.filter(kind="bulk.retried").count() == 1
    bulk.run_due()
    ended = caller.get(path).json()
    assert [item["state"] for item in ended["items"]] == ["decided", "refused", "decided"]
    nothing = caller.post(f"{path}retry/")
    assert (nothing.status_code, nothing.json()["status"]) == (200, "finished")


def test_a_lead_reads_and_undoes_what_another_began_and_does_not_retry_it(
    call: Callable[..., Caller], alice: User, lena: User
) -> None:
    slow = factories.queue(undo_seconds=60)
    caller, leader = call(alice), call(lena)
    shown = begun(caller, factories.review(slow), undo_seconds=30)
    path = f"bulk-decisions/{shown['id']}/"
    bulk.run_due()

    assert leader.get(path).json()["by"] == "alice@example.com"
    refused(leader.post(f"{path}retry/"), 403, "not_allowed")
    first, again = (leader.post(f"{path}undo/", **KEY) for _ in range(2))

    assert [answer.json()["status"] for answer in (first, again)] == ["undoing", "undoing"]
    bulk.run_due()
    late = leader.post(f"{path}undo/", **KEY)
    assert (late.status_code, late.json()["status"]) == (200, "finished"), "the same request again"
    refused(caller.post(f"{path}retry/"), 409, "undo_closed")
    assert AuditEvent.objects.filter(kind="bulk.undo_asked").count() == 1


def test_each_review_is_decided_by_the_rules_of_a_decision_by_hand(
    call: Callable[..., Caller], queue: ReviewQueue, alice: User
) -> None:
    late, gone, good = (factories.review(queue) for _ in range(3))
    ReviewTask.objects.filter(pk=late.pk).update(deadline_at=Now() - timedelta(seconds=1))
    ReviewTask.objects.filter(pk=gone.pk).update(escalated_to=queue)  # to the leads alone
    caller = call(alice)
    shown = begun(caller, late, gone, good, outcome="rejected", reason="Known fraud.")
    bulk.run_due()

    items = caller.get(f"bulk-decisions/{shown['id']}/").json()["items"]

    assert [item["code"] for item in items] == ["deadline_passed", "not_allowed", ""]
    assert [item["review"] for item in items] == [str(row.pk) for row in (late, gone, good)]
    assert all(item["detail"].endswith(".") for item in items[:2])
    good.refresh_from_db()
    assert good.status == "rejected"


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        *(({"outcome": "expired"}, "/outcome"), ({"outcome": None}, "/outcome")),
        *(({"undo_seconds": -1}, "/undo_seconds"), ({"undo_seconds": "10"}, "/undo_seconds")),
        *(({"reason": "x" * (MAX_REASON + 1)}, "/reason"), ({"reason": 5}, "/reason")),
        *(({"reason_code": "x" * 65}, "/reason_code"), ({"edits": {}}, "/edits")),
        *(({"override": True}, "/override"), ({"reviews": "all"}, "/reviews")),
        *(({"reviews": ["ORD-1"]}, "/reviews/0"), ({"reviews": [None]}, "/reviews/0")),
    ],
)
def test_a_body_that_is_not_the_contracts_is_refused_at_its_place(
    call: Callable[..., Caller],
    queue: ReviewQueue,
    alice: User,
    more: dict[str, Any],
    pointer: str,
) -> None:
    body = {"reviews": [str(factories.review(queue).pk)], "outcome": "approved"} | more
    problem = refused(call(alice).post("bulk-decisions/", body), 422, "invalid")
    assert problem["pointer"] == pointer
    assert not BulkJob.objects.exists()


def test_a_refusal_is_not_kept_under_the_key_of_its_request(
    call: Callable[..., Caller], queue: ReviewQueue, alice: User
) -> None:
    queues.save(queue.slug, {"allow_bulk": False}, by=COMMAND_LINE)
    body = {"reviews": [str(factories.review(queue).pk)], "outcome": "approved"}
    caller = call(alice)
    refused(caller.post("bulk-decisions/", body, **KEY), 403, "not_allowed")
    queues.save(queue.slug, {"allow_bulk": True}, by=COMMAND_LINE)
    assert caller.post("bulk-decisions/", body, **KEY).status_code == 201


def test_more_reviews_take_no_more_statements(
    call: Callable[..., Caller],
    queue: ReviewQueue,
    alice: User,
    django_assert_max_num_queries: Any,
) -> None:
    rows = [factories.review(queue) for _ in range(20)]
    few, caller = rows[:1], call(alice)
    with django_assert_max_num_queries(30) as counted:
        begun(caller, *few)
    with django_assert_max_num_queries(len(counted)):
        begun(caller, *rows)


@pytest.mark.parametrize("action", ["", "undo/", "retry/"])
def test_what_is_not_there_and_who_has_no_token(
    call: Callable[..., Caller], alice: User, action: str
) -> None:
    path = f"bulk-decisions/{uuid4()}/{action}"
    asked = Caller.post if action else Caller.get
    refused(asked(call(alice), path), 404, "not_found")
    refused(asked(call(None), path), 401, "not_authenticated")
    if action:
        answer = call(alice).post(path, {"reviews": []})
        refused(answer, 422, "invalid")
    read_only = call(alice, "read")
    refused(read_only.post("bulk-decisions/", {}), 403, "not_allowed")
