"""How many statements the delivery of a decision sends, and how many database sessions it opens."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from approvals.actions import decisions
from approvals.delivery import lanes
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import Breaker, OutboxAttempt, OutboxEntry, User
from approvals.models.choices import Outcome
from tests import factories
from tests.factories import actor
from tests.test_actions_statements import statements
from tests.waiting_reviews import AT_ONCE

pytestmark = pytest.mark.django_db
LANE = OutboxEntry.Lane.CALLBACKS


@pytest.fixture
def entry(alice: User, monkeypatch: pytest.MonkeyPatch) -> OutboxEntry:
    """The entry of a decision that may be sent now; Step Functions accepts it."""
    accepted = Answer(Proof.ACCEPTED, request_id="req-1")
    monkeypatch.setattr(stepfunctions, "send_task_success", lambda *_: accepted)
    decisions.decide(
        factories.review().pk, Outcome.APPROVED, by=actor(alice, "api"), request=AT_ONCE
    )
    return OutboxEntry.objects.get()


@pytest.mark.parametrize("lane", [LANE, None], ids=["the worker", "a wake-up"])
def test_a_callback_is_delivered_with_five_statements(lane: str | None, entry: OutboxEntry) -> None:
    with statements() as log:
        assert lanes.deliver(entry.pk, lane=lane)

    assert len(log) <= 5, [each["sql"][:200] for each in log.captured_queries]
    entry.refresh_from_db()
    assert entry.delivery == ("delivered", "acknowledged")


def test_the_attempt_is_journalled_by_the_first_statement_before_the_call(
    entry: OutboxEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, str]] = []

    def call(*_: object) -> Answer:
        seen.append((len(log), OutboxAttempt.objects.get().result))
        return Answer(Proof.ACCEPTED)

    monkeypatch.setattr(stepfunctions, "send_task_success", call)
    with statements() as log:
        lanes.deliver(entry.pk)

    assert seen == [(1, "")]


def test_an_accepted_call_closes_a_breaker_that_counts(entry: OutboxEntry) -> None:
    Breaker.objects.create(queue_id=entry.queue_id, strikes=2)

    lanes.deliver(entry.pk)

    assert Breaker.objects.count() == 0


def test_an_entry_that_an_open_breaker_holds_back_says_so(entry: OutboxEntry) -> None:
    Breaker.objects.create(
        queue_id=entry.queue_id, strikes=3, opened_at=Now(), retry_at=Now() + timedelta(minutes=1)
    )

    assert not lanes.deliver(entry.pk)

    entry.refresh_from_db()
    assert entry.delivery == ("waiting", "breaker_open")
