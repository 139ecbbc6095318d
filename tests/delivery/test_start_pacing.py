"""Starts of executions stay under the account's quota, whoever makes them; nothing else is held up."""

from __future__ import annotations

import time

import pytest
from pytest_django import Settings

from approvals.actions import decisions
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes, start_pacing
from approvals.models import OutboxAttempt, OutboxEntry, ReviewQueue, User
from approvals.models.choices import Outcome
from approvals.orchestration import fulfillment
from approvals.records import rate_limits
from tests import factories
from tests.factories import actor
from tests.starts import Starts

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quota(starts: Starts, settings: Settings) -> None:
    """An account of ten starts a second, of which we take eight."""
    settings.EXECUTION_STARTS_PER_SECOND = 10.0


def test_starts_come_at_our_share_of_the_quota() -> None:
    for number in range(12):
        fulfillment.start_order_fulfillment({"order_id": number}, by=COMMAND_LINE)
    began = time.monotonic()

    assert lanes.drain("executions") == 12

    took = time.monotonic() - began  # eight at once, then four more at eight a second
    assert took > 4 / 8 * 0.8


def test_a_start_that_waited_in_vain_has_made_no_attempt(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.EXECUTION_STARTS_PER_SECOND = 0.1
    monkeypatch.setattr(start_pacing, "PATIENCE", 0.0)
    for number in range(10):
        fulfillment.start_order_fulfillment({"order_id": number}, by=COMMAND_LINE)

    made = lanes.drain("executions")

    assert made < 10
    assert OutboxAttempt.objects.count() == made
    assert OutboxEntry.objects.filter(state="waiting", attempts=0).count() == 10 - made


def test_an_answer_to_a_review_waits_for_no_start(
    monkeypatch: pytest.MonkeyPatch, queue: ReviewQueue, alice: User
) -> None:
    monkeypatch.setattr(rate_limits, "admits", lambda *_, **__: False)
    review = factories.review(queue)
    decisions.decide(
        review.pk,
        Outcome.APPROVED,
        by=actor(alice, "api"),
        request=decisions.DecisionRequest(undo_seconds=0),
    )

    assert start_pacing.admits(OutboxEntry.objects.get().kind)
