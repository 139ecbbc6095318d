"""Tokens: what opens the API and what never does, whatever stands in the header."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from approvals.actions import credentials, people
from approvals.actors import COMMAND_LINE
from approvals.models import ApiToken, ReviewQueue, ReviewTask, User
from config import client_limits
from tests import factories
from tests.callers import Caller, refused

pytestmark = pytest.mark.django_db


def header(text: str) -> Any:
    """The answer to a request with this Authorization header."""
    return Client(raise_request_exception=False).get("/api/v1/reviews/", HTTP_AUTHORIZATION=text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "bearer",
        "Bearer a b",
        "Bearer é",
        "Bearer \u20ac",
        "Bearer \ud800",
        "Bearer \0",
        "Bearer a\0b",
        "Bearer a\nb",
        "Bearer\tabc",
        "Bearer " + "0" * 64,
        "Bearer " + "z" * 64,
        "Bearer " + "0" * 100_000,
        "Bearer null",
        "Bearer ' OR 1=1 --",
        "BearerX " + "0" * 64,
        "Token " + "0" * 64,
        "Basic YWxpY2VAZXhhbXBsZS5jb206eA==",
        "\xff\xfe",
        "Bearer a, Bearer b",
    ],
)
def test_a_header_that_is_no_token_is_401(text: str) -> None:
    answer = header(text)

    refused(answer, 401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_one_letter_off_is_401(api: Caller) -> None:
    token = api.token

    for bent in (token[:-1], token + "0", token[:-1] + ("1" if token[-1] == "0" else "0")):
        refused(Caller(bent).get("reviews/"), 401, "not_authenticated")
    assert Caller(token).get("reviews/").status_code == 200


def test_the_scheme_has_no_case(api: Caller) -> None:
    assert header(f"bEARER   {api.token} ").status_code == 200


def test_an_expired_token_is_401_and_its_row_stays(
    api: Caller, call: Callable[..., Caller], alice: User
) -> None:
    ApiToken.objects.update(expiry=Now() - timedelta(seconds=1))
    other = call(alice)

    refused(api.get("reviews/"), 401, "not_authenticated")
    assert other.get("reviews/").status_code == 200
    assert ApiToken.objects.count() == 2


def test_a_token_expires_in_time(api: Caller) -> None:
    ApiToken.objects.update(expiry=timezone.now() + timedelta(minutes=1))

    assert api.get("reviews/").status_code == 200


def test_a_deactivated_users_token_is_401(api: Caller, alice: User) -> None:
    alice.is_active = False
    alice.save()

    refused(api.get("reviews/"), 401, "not_authenticated")


def test_a_session_is_no_way_in(alice: User) -> None:
    client = Client()
    client.force_login(alice, "django.contrib.auth.backends.ModelBackend")

    refused(client.get("/api/v1/reviews/"), 401, "not_authenticated")


def test_use_is_noted_at_most_once_a_minute(api: Caller) -> None:
    api.get("reviews/")
    first = ApiToken.objects.get().last_used_at
    api.get("reviews/")
    assert ApiToken.objects.get().last_used_at == first

    ApiToken.objects.update(last_used_at=first - timedelta(minutes=2))
    api.get("reviews/")

    assert ApiToken.objects.get().last_used_at > first - timedelta(minutes=2)


def test_a_tokens_name_stands_in_its_decisions(queue: ReviewQueue, alice: User) -> None:
    token = credentials.issue_token(alice, "triage bot", by=COMMAND_LINE)
    review = factories.review(queue)

    Caller(token).post(f"reviews/{review.pk}/decisions/", {"outcome": "approved"})

    assert review.decisions.get().signed_in == "token:triage bot"


def test_a_revoked_token_is_refused_in_the_very_words_of_an_unknown_one(api: Caller) -> None:
    unknown = Caller("0" * 64).get("reviews/")
    ApiToken.objects.update(revoked_at=Now())

    revoked = api.get("reviews/")

    refused(revoked, 401, "not_authenticated")
    assert revoked.content == unknown.content
    assert revoked.headers["WWW-Authenticate"] == unknown.headers["WWW-Authenticate"]


def test_an_expired_token_is_refused_in_the_same_words(api: Caller) -> None:
    unknown = Caller("0" * 64).get("reviews/")
    ApiToken.objects.update(expiry=Now())

    assert api.get("reviews/").content == unknown.content
    ApiToken.objects.update(expiry=timezone.now() + timedelta(minutes=5))
    assert api.get("reviews/").status_code == 200


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
    call: Callable[..., Caller],
    alice: User,
    review: ReviewTask,
    scopes: list[str],
    allowed: set[str],
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
    call: Callable[..., Caller], settings: Settings, queue: ReviewQueue
) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = ""
    keeper = factories.user("shop@example.com")
    people.grant_site(keeper, "orders", by=COMMAND_LINE)

    refused(call(keeper, "decide").post("orders/", {"order_id": 1}), 403, "not_allowed")
    refused(call(keeper, "orders").post("orders/", {"order_id": 1}), 503, "unavailable")
    refused(call(keeper, "orders").get("orders/"), 403, "not_allowed")


@pytest.mark.parametrize(("token", "times"), [(None, 1), ("Bearer invented", 0)])
def test_only_a_valid_token_becomes_a_client_of_its_own(
    token: str | None, times: int, call: Callable[..., Caller], alice: User
) -> None:
    calls: list[None] = []
    extra: dict[str, Any] = {client_limits.AUTHENTICATED: lambda: calls.append(None)}
    if token:
        extra["HTTP_AUTHORIZATION"] = token
        browser = Client()
        browser.force_login(alice)  # a session says nothing of the token
        browser.get("/api/v1/reviews/", **extra)
    else:
        call(alice).get("reviews/", **extra)

    assert len(calls) == times
