"""`sweep`: with --once it makes the attempts that are due, says how many, and ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from approvals.actions import decisions
from approvals.models import OutboxEntry, ReviewTask, User
from approvals.models.choices import Outcome
from tests.factories import actor
from tests.management.command_line import run
from tests.waiting_reviews import AT_ONCE

pytestmark = pytest.mark.django_db(transaction=True)


def test_once_it_sends_what_is_due_and_nothing_a_second_time(
    waiting: Callable[..., ReviewTask], ada: User
) -> None:
    review = waiting()
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(ada), request=AT_ONCE)

    assert run("sweep", "--once") == "1 attempts made\n"

    assert OutboxEntry.objects.get().delivery == ("delivered", "acknowledged")
    assert run("sweep", "--once") == "0 attempts made\n"


def test_once_it_leaves_what_can_still_be_undone(
    waiting: Callable[..., ReviewTask], ada: User
) -> None:
    wanted = decisions.DecisionRequest(undo_seconds=10)
    decisions.decide(waiting().pk, Outcome.APPROVED, by=actor(ada), request=wanted)

    assert run("sweep", "--once") == "0 attempts made\n"
