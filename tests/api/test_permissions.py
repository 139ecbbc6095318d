"""Who may do what, as a table: each role against each route, and what is hidden is not there."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from approvals.actions import decisions, people
from approvals.actors import COMMAND_LINE
from approvals.models import Decision, QueueMembership, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from tests import factories
from tests.callers import Caller, refused
from tests.factories import actor

pytestmark = pytest.mark.django_db

ROUTES = {
    "list": ("get", "reviews/"),
    "read": ("get", "reviews/{review}/"),
    "events": ("get", "reviews/{review}/events/"),
    "queues": ("get", "queues/"),
    "claim": ("post", "reviews/{review}/claim/"),
    "renew": ("post", "reviews/{review}/renew/"),
    "release": ("post", "reviews/{review}/release/"),
    "next": ("post", "queues/manual-review/next/"),
    "decide": ("post", "reviews/{review}/decisions/"),
    "undo": ("post", "decisions/{decision}/undo/"),
    "orders": ("get", "orders/"),
    "order": ("get", "orders/ORD-1/"),
    "start": ("post", "orders/"),
}
BODIES = {"decide": {"outcome": "approved"}, "start": {"order_id": "ORD-1"}}

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


def ask(caller, route, review, decision):
    method, path = ROUTES[route]
    address = path.format(review=review, decision=decision)
    if method == "get":
        return caller.get(address)
    return caller.post(address, BODIES.get(route, {}))


@pytest.mark.parametrize("role", TABLE)
def test_each_role_gets_what_the_table_says(
    call: Callable[..., Caller],
    everybody: dict[str, User | None],
    alice: User,
    queue: ReviewQueue,
    role: Any,
) -> None:
    caller, window, got = call(everybody[role]), decisions.DecisionRequest(undo_seconds=10), {}

    for route in ROUTES:
        first, second = factories.review(queue), factories.review(queue)
        decided = decisions.decide(first.pk, Outcome.APPROVED, by=actor(alice), request=window)
        got[route] = ask(caller, route, second.pk, decided.decision_id).status_code

    assert got == TABLE[role]


@pytest.mark.parametrize(
    "route", ["read", "events", "claim", "renew", "release", "decide", "undo", "next"]
)
def test_what_is_hidden_answers_like_what_is_not_there(
    call: Callable[..., Caller], carol: User, alice: User, queue: ReviewQueue, route: Any
) -> None:
    decided = decisions.decide(factories.review(queue).pk, Outcome.APPROVED, by=actor(alice))
    hidden_review = factories.review(queue)
    caller = call(carol)

    hidden = ask(caller, route, hidden_review.pk, decided.decision_id)
    missing = ask(caller, route, uuid.uuid4(), uuid.uuid4())

    assert refused(hidden, 404, "not_found") == refused(missing, 404, "not_found")


def test_what_is_hidden_is_in_no_list(
    call: Callable[..., Caller], carol: User, queue: ReviewQueue
) -> None:
    factories.review(queue, orderId="secret")
    caller = call(carol)

    for query in ({}, {"queue": "manual-review"}, {"q": "secret"}, {"reference": "secret"}):
        assert caller.get("reviews/", query).json()["results"] == []


def test_rights_end_with_the_role(api: Caller, alice: User, review: ReviewTask) -> None:
    api.post(f"reviews/{review.pk}/claim/")
    QueueMembership.objects.filter(user=alice).delete()

    refused(api.get(f"reviews/{review.pk}/"), 404, "not_found")
    refused(api.post(f"reviews/{review.pk}/decisions/", {"outcome": "approved"}), 404, "not_found")
    assert not Decision.objects.exists()


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        ([], {"read", "decide"}),
        (["read"], {"read"}),
        (["decide"], {"decide"}),
        (["orders"], set()),
        (["read", "decide"], {"read", "decide"}),
    ],
)
def test_a_token_reaches_as_far_as_its_scopes(
    call: Callable[..., Caller], alice: User, review: ReviewTask, scopes: Any, allowed: Any
) -> None:
    caller = call(alice, *scopes)

    answers = {
        "read": caller.get("reviews/"),
        "decide": caller.post(f"reviews/{review.pk}/claim/"),
    }

    assert {name for name, answer in answers.items() if answer.status_code == 200} == allowed
    for name in answers.keys() - allowed:
        problem = refused(answers[name], 403, "not_allowed")
        assert name in problem["detail"]


def test_starting_orders_needs_its_own_scope(
    call: Callable[..., Caller], settings: Any, queue: ReviewQueue
) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = ""
    keeper = factories.user("shop@example.com")
    people.grant_site(keeper, "orders", by=COMMAND_LINE)

    refused(call(keeper, "decide").post("orders/", {"order_id": 1}), 403, "not_allowed")
    refused(call(keeper, "orders").post("orders/", {"order_id": 1}), 503, "unavailable")
    refused(call(keeper, "orders").get("orders/"), 403, "not_allowed")


def test_nothing_changes_when_nothing_is_allowed(
    call: Callable[..., Caller], victor: User, carol: User, review: ReviewTask
) -> None:
    for user in (victor, carol):
        for route in ("claim", "renew", "release", "decide", "next"):
            ask(call(user), route, review.pk, uuid.uuid4())

    untouched = ReviewTask.objects.get(pk=review.pk)
    assert (untouched.version, untouched.assignee, untouched.status) == (1, None, "pending")
