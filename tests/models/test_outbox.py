"""Outbox entries: what the database refuses, and what their state means for a decision."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models.functions import Now

from approvals.models import OutboxAttempt, OutboxEntry, ReviewTask
from tests.models.constraints import again, assert_frozen, assert_refused

pytestmark = pytest.mark.django_db


def test_a_decision_is_enqueued_once_and_an_attempt_has_one_number(decided: ReviewTask) -> None:
    entry = OutboxEntry.objects.get()
    OutboxAttempt.objects.create(entry=entry, number=1)

    assert_refused(
        "attempt_numbered_once", lambda: OutboxAttempt.objects.create(entry=entry, number=1)
    )
    assert_refused("outbox_said_once", lambda: again(entry))


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("outbox_sending_has_a_lease", {"state": "sending"}),
        ("outbox_ended_has_a_time", {"state": "settled"}),
        ("outbox_ended_has_a_time", {"ended_at": Now()}),
        ("outbox_ended_has_a_time", {"state": "nowhere"}),
    ],
)
def test_an_outbox_row_is_whole(
    constraint: str, columns: dict[str, Any], decided: ReviewTask
) -> None:
    assert_refused(constraint, lambda: OutboxEntry.objects.update(**columns))


@pytest.mark.parametrize(
    ("state", "detail", "delivery"),
    [
        ("waiting", "undo_window", "waiting"), ("sending", "queued", "sending"),
        ("settled", "acknowledged", "delivered"), ("settled", "proved_by_history", "delivered"),
        ("settled", "expired", "closed_elsewhere"), ("settled", "other_party", "closed_elsewhere"),
        ("parked", "no_execution_arn", "unconfirmed"), ("parked", "history_gone", "unconfirmed"),
        ("parked", "invalid_token", "parked"), ("parked", "key_missing", "parked"),
        ("cancelled", "undone", "undone"),
    ],
)  # fmt: skip
def test_only_what_is_proved_is_called_delivered(state: str, detail: str, delivery: str) -> None:
    assert OutboxEntry(state=state, detail=detail).delivery == (delivery, detail)


@pytest.mark.parametrize(
    "change", ["payload = '\\x00'", "kind = 'start'", "subject = gen_random_uuid()"]
)
def test_what_is_sent_never_changes(change: str, decided: ReviewTask) -> None:
    assert_frozen(OutboxEntry, change)
