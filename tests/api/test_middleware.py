"""What is refused before any view is a problem document too, and a redirect never eats a POST."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from approvals.models import ReviewTask, User
from tests.callers import Caller, refused

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["reviews/", "nothing/", "/api/schema/", "/api/"])
@pytest.mark.parametrize("host", ["evil.example", "a b", "x:y:z", "[::"])
def test_an_unknown_host_is_a_problem(api: Caller, path: str, host: str) -> None:
    answer = api.get(path, HTTP_HOST=host)

    refused(answer, 400, "refused")
    assert answer.headers["Cache-Control"] == "no-store"
    assert host not in answer.content.decode()


def test_an_unknown_host_still_gets_a_page_elsewhere(client: Client) -> None:
    assert client.get("/", HTTP_HOST="evil.example")["Content-Type"].startswith("text/html")


def test_a_post_over_plain_http_is_refused_and_not_sent_elsewhere(
    api: Caller, settings: Settings, review: ReviewTask
) -> None:
    settings.SECURE_SSL_REDIRECT = True

    posted = api.post(f"reviews/{review.pk}/claim/")
    read = api.get("reviews/")

    refused(posted, 400, "refused")
    assert "Location" not in posted.headers
    assert (read.status_code, read.headers["Location"][:8]) == (301, "https://")


def test_no_post_is_redirected_for_a_missing_slash(
    api: Caller, call: Callable[..., Caller]
) -> None:
    for caller in (api, call(None)):
        refused(caller.post("/api"), 400, "refused")
        refused(caller.post("/api/v1/orders", {"order_id": "1"}), 404, "not_found")


def test_no_request_is_asked_for_a_csrf_token(api: Caller, review: ReviewTask) -> None:
    strict = Client(enforce_csrf_checks=True, HTTP_AUTHORIZATION=f"Bearer {api.token}")

    answer = strict.post(f"/api/v1/reviews/{review.pk}/claim/", {}, "application/json")

    assert answer.status_code == 200
    refused(strict.post("/api/nothing/"), 404, "not_found")


def test_a_cookie_opens_nothing(client: Client, alice: User, review: ReviewTask) -> None:
    client.force_login(alice)

    refused(client.post(f"/api/v1/reviews/{review.pk}/claim/"), 401, "not_authenticated")


@pytest.mark.parametrize("error", [RuntimeError("hunter2"), RecursionError("hunter2")])
def test_a_middleware_that_breaks_is_a_problem(
    api: Caller, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise error

    monkeypatch.setattr("django.middleware.common.CommonMiddleware.process_response", broken)

    answer = api.get("reviews/")

    refused(answer, 500, "internal_error")
    assert b"hunter2" not in answer.content
