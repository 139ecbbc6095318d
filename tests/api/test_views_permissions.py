"""Who may do what, as a table: each role against each route."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from approvals.actions import decisions
from approvals.models import ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from tests import factories
from tests.api.routes import ROUTES, ask
from tests.callers import Caller
from tests.factories import actor

pytestmark = pytest.mark.django_db

# What an unclaimed review, and a decision of alice's that can be undone, answer to each.
TABLE = {
    "alice": dict.fromkeys(ROUTES, 200) | {"decide": 201, "renew": 409},
    "bob": dict.fromkeys(ROUTES, 200) | {"decide": 201, "renew": 409, "undo": 403},
    "lena": dict.fromkeys(ROUTES, 200) | {"decide": 201, "renew": 409},
    "victor": dict.fromkeys(ROUTES, 403) | dict.fromkeys(["list", "read", "events", "queues"], 200),
    "carol": dict.fromkeys(ROUTES, 404) | dict.fromkeys(["list", "queues"], 200),
    "nobody": dict.fromkeys(ROUTES, 401),
}
for _role in TABLE:
    if _role != "nobody":
        TABLE[_role] |= dict.fromkeys(["orders", "order", "start"], 403)


@pytest.fixture
def everybody(
    alice: User, bob: User, lena: User, victor: User, carol: User
) -> dict[str, User | None]:
    """Everybody of the table."""
    people = [alice, bob, lena, victor, carol]
    return {user.email.split("@")[0]: user for user in people} | {"nobody": None}


@pytest.mark.parametrize("role", TABLE)
def test_each_role_gets_what_the_table_says(
    call: Callable[..., Caller],
    everybody: dict[str, User | None],
    alice: User,
    queue: ReviewQueue,
    role: str,
) -> None:
    caller, window, got = call(everybody[role]), decisions.DecisionRequest(undo_seconds=10), {}

    for route in ROUTES:
        first, second = factories.review(queue), factories.review(queue)
        decided = decisions.decide(first.pk, Outcome.APPROVED, by=actor(alice), request=window)
        got[route] = ask(caller, route, second.pk, decided.decision_id).status_code

    assert got == TABLE[role]


def test_nothing_changes_when_nothing_is_allowed(
    call: Callable[..., Caller], victor: User, carol: User, review: ReviewTask
) -> None:
    for user in (victor, carol):
        for route in ("claim", "renew", "release", "decide", "next"):
            ask(call(user), route, review.pk, uuid.uuid4())

    untouched = ReviewTask.objects.get(pk=review.pk)
    assert (untouched.version, untouched.assignee, untouched.status) == (1, None, "pending")
