"""Bulk decisions over the API: stored at once, decided by a worker, read with a result a review."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from approvals import bulk
from approvals.actions import assignment, people, queues
from approvals.actors import COMMAND_LINE
from approvals.models import BulkJob, Decision, ReviewQueue, ReviewTask, User
from tests import factories
from tests.callers import Caller, refused
from tests.factories import actor

pytestmark = pytest.mark.django_db
KEY = {"HTTP_IDEMPOTENCY_KEY": "one"}


def wish(*reviews: ReviewTask, **more: Any) -> dict[str, Any]:
    return {"reviews": [str(row.pk) for row in reviews], "outcome": "approved", **more}


def begun(caller: Caller, *reviews: ReviewTask, **more: Any) -> Any:
    answer = caller.post("bulk-decisions/", wish(*reviews, **more))
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_a_worker_decides_each_review_and_the_answer_has_a_result_for_each(
    call: Callable[..., Caller], queue: ReviewQueue, alice: User, bob: User
) -> None:
    free, held = factories.review(queue), factories.review(queue)
    assignment.claim(held.pk, by=actor(bob))
    caller = call(alice)

    shown = begun(caller, free, held, reason="Known customers.", reason_code="ok")

    assert (shown["status"], shown["by"]) == ("running", "alice@example.com")
    assert [item["state"] for item in shown["items"]] == ["pending", "pending"]
    bulk.run_due()
    shown = caller.get(f"bulk-decisions/{shown['id']}/").json()
    free.refresh_from_db()
    decision = Decision.objects.get()
    assert (shown["status"], shown["counts"]["decided"], shown["counts"]["refused"]) == (
        "finished",
        1,
        1,
    )
    assert shown["items"] == [
        {
            "review": str(free.pk),
            "reference": free.reference,
            "state": "decided",
            "code": "",
            "detail": "",
            "decision": str(decision.pk),
        },
        {
            "review": str(held.pk),
            "reference": held.reference,
            "state": "refused",
            "code": "claimed_by_another",
            "detail": "Somebody else holds this review: bob@example.com.",
            "decision": None,
        },
    ]
    assert free.status == "approved"
    assert (decision.by, decision.surface, decision.reason, decision.reason_code) == (
        alice,
        "api",
        "Known customers.",
        "ok",
    )


def test_a_request_under_one_key_begins_one(
    call: Callable[..., Caller], queue: ReviewQueue, alice: User
) -> None:
    row, caller = factories.review(queue), call(alice)

    first = caller.post("bulk-decisions/", wish(row), **KEY)
    again = caller.post("bulk-decisions/", wish(row), **KEY)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert BulkJob.objects.count() == 1
    other = wish(row) | {"outcome": "rejected"}
    refused(caller.post("bulk-decisions/", other, **KEY), 422, "idempotency_mismatch")


def test_what_cannot_be_a_bulk_decision_is_refused_and_named(
    call: Callable[..., Caller], queue: ReviewQueue, alice: User
) -> None:
    row, caller = factories.review(queue), call(alice)
    elsewhere = factories.queue("elsewhere")
    people.grant(alice, "elsewhere", "reviewer", by=COMMAND_LINE)

    for body, pointer in (
        (wish(), "/reviews"),
        (wish(row, row), "/reviews/1"),
        (wish(row) | {"reviews": [str(row.pk), str(uuid4())]}, "/reviews/1"),
        (wish(row, factories.review(elsewhere)), "/reviews/1"),
        (wish(row) | {"outcome": "maybe"}, "/outcome"),
        (wish(row) | {"reviews": [str(uuid4()) for _ in range(1_001)]}, "/reviews"),
    ):
        problem = refused(caller.post("bulk-decisions/", body), 422, "invalid")
        assert problem["pointer"] == pointer
    assert not BulkJob.objects.exists()


def test_others_learn_nothing_of_it(
    call: Callable[..., Caller],
    queue: ReviewQueue,
    alice: User,
    bob: User,
    carol: User,
    victor: User,
) -> None:
    row = factories.review(queue)
    refused(call(carol).post("bulk-decisions/", wish(row)), 404, "not_found")
    refused(call(victor).post("bulk-decisions/", wish(row)), 403, "not_allowed")
    shown = begun(call(alice), row)

    for person in (bob, carol, victor):
        path = f"bulk-decisions/{shown['id']}/"
        refused(call(person).get(path), 404, "not_found")
        refused(call(person).post(f"{path}undo/"), 404, "not_found")
        refused(call(person).post(f"{path}retry/"), 404, "not_found")


def test_a_queue_may_forbid_it(
    call: Callable[..., Caller], queue: ReviewQueue, alice: User
) -> None:
    row = factories.review(queue)
    queues.save(queue.slug, {"allow_bulk": False}, by=COMMAND_LINE)

    problem = refused(call(alice).post("bulk-decisions/", wish(row)), 403, "not_allowed")

    assert "takes no bulk decisions" in problem["detail"]


def test_it_is_undone_while_its_decisions_wait(
    call: Callable[..., Caller], queue: ReviewQueue, alice: User
) -> None:
    rows = [factories.review(queue) for _ in range(2)]
    caller = call(alice)
    shown = begun(caller, *rows, undo_seconds=10)
    bulk.run_due()

    answer = caller.post(f"bulk-decisions/{shown['id']}/undo/")

    assert (answer.status_code, answer.json()["status"]) == (200, "undoing")
    bulk.run_due()
    shown = caller.get(f"bulk-decisions/{shown['id']}/").json()
    assert (shown["status"], shown["counts"]["undone"]) == ("finished", 2)
    assert set(ReviewTask.objects.values_list("status", flat=True)) == {"pending"}
    refused(caller.post(f"bulk-decisions/{shown['id']}/undo/"), 409, "undo_closed")
