"""Skip, snooze and escalate over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from approvals.models import ReviewQueue, ReviewTask, User
from approvals.records import database_time
from tests import factories
from tests.callers import Caller, refused

pytestmark = pytest.mark.django_db


def test_a_skipped_review_is_given_last(api: Caller, queue: ReviewQueue) -> None:
    first, second = (factories.review(queue, timeoutSeconds=3000 + n) for n in range(2))
    assert api.post("queues/manual-review/next/").json()["id"] == str(first.pk)

    skipped = api.post(f"reviews/{first.pk}/skip/", {"reason": "I know them."})

    assert (skipped.status_code, skipped.json()["assignee"]) == (200, None)
    assert api.post("queues/manual-review/next/").json()["id"] == str(second.pk)
    assert api.post("queues/manual-review/next/").json()["id"] == str(first.pk)


def test_a_snooze_has_a_time_before_the_deadline(api: Caller, review: ReviewTask) -> None:
    until = database_time.now() + timedelta(minutes=10)
    path = f"reviews/{review.pk}/snooze/"

    shown = api.post(path, {"until": until.isoformat()}).json()

    assert shown["snoozed_until"] == until.isoformat().replace("+00:00", "Z")
    assert api.post("queues/manual-review/next/").status_code == 204
    late = api.post(path, {"until": "2999-01-01T00:00:00Z"})
    refused(late, 422, "invalid")
    assert late.json()["latest"] == (review.deadline_at - timedelta(minutes=1)).isoformat()
    assert api.post(path, {"until": None}).json()["snoozed_until"] is None
    refused(api.post(path, {}), 422, "invalid")


def test_an_escalated_review_is_listed_and_given_by_its_new_queue(
    call: Callable[[User], Caller], api: Caller, queue: ReviewQueue, review: ReviewTask
) -> None:
    board = factories.queue("board")
    dora = call(factories.user("dora@example.com", "reviewer", board))
    ReviewQueue.objects.filter(pk=queue.pk).update(escalate_to=board)
    assert dora.get(f"reviews/{review.pk}/").status_code == 404

    shown = api.post(f"reviews/{review.pk}/escalate/", {"reason": "For the board."}).json()

    assert (shown["queue"], shown["escalated_to"]) == ("manual-review", "board")
    refused(api.post(f"reviews/{review.pk}/claim/"), 403, "not_allowed")
    (listed,) = dora.get("reviews/?escalated_to=board").json()["results"]
    assert listed["id"] == str(review.pk)
    given = dora.post("queues/board/next/?escalated_to=board").json()
    assert given["assignee"] == "dora@example.com"
    body = {"outcome": "approved", "lease_id": given["lease_id"]}
    assert dora.post(f"reviews/{review.pk}/decisions/", body).status_code == 201


def test_a_reason_is_needed_and_a_version_may_be_named(api: Caller, review: ReviewTask) -> None:
    path = f"reviews/{review.pk}/escalate/"
    refused(api.post(path, {}), 422, "invalid")
    refused(api.post(path, {"reason": "x"}, HTTP_IF_MATCH='"9"'), 412, "stale_version")
    refused(api.post(path, {"reason": "Nobody leads."}), 422, "invalid")
