"""Probes are answered before any other middleware; responses are compressed where that gives nothing away."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from approvals.models import ReviewQueue, ReviewTask, User
from config import client_limits
from tests import factories
from tests.callers import Caller
from tests.web.conftest import Desk

GZIP: dict[str, Any] = {"HTTP_ACCEPT_ENCODING": "gzip, deflate, br"}


def is_compressed(response: Any) -> bool:
    """Whether a response is compressed; fails if its length is wrong."""
    assert int(response.headers["Content-Length"]) == len(response.content)
    return bool(response.headers.get("Content-Encoding") == "gzip")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz/live", "/healthz/ready"])
@pytest.mark.parametrize("host", ["10.1.2.3:8000", "", "[::1]", "a_b"])
def test_a_probe_needs_no_host_and_no_https(
    settings: Settings, caplog: pytest.LogCaptureFixture, path: str, host: str
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["countersign.example"]
    response = Client().get(path, headers={"Host": host})
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert caplog.records == []
    assert Client().post(path, headers={"Host": host}).status_code == 405


@pytest.mark.django_db
def test_anything_else_still_asks_for_our_host(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["countersign.example"]
    assert Client().get("/", headers={"Host": "10.1.2.3"}).status_code == 400
    assert Client().get("/healthz/", headers={"Host": "10.1.2.3"}).status_code == 400


@pytest.mark.django_db
def test_metrics_stay_open_to_http(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get("/metrics").status_code == 200


def test_a_list_of_the_api_is_compressed_for_a_client_that_accepts_it(
    api: Caller, queue: ReviewQueue
) -> None:
    for _ in range(3):
        factories.review(queue)

    plain, packed = api.get("reviews/"), api.get("reviews/", **GZIP)

    assert is_compressed(packed)
    assert not is_compressed(plain)
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) < len(plain.content) / 2
    for response in (plain, packed):
        assert "Accept-Encoding" in response.headers["Vary"]
        assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "gzip; q=0.0, br", "xgzip", "identity"])
def test_nothing_is_compressed_for_a_client_that_does_not_accept_it(
    api: Caller, review: ReviewTask, accepted: str
) -> None:
    factories.review()  # two are long enough
    assert not is_compressed(api.get("reviews/", HTTP_ACCEPT_ENCODING=accepted))


@pytest.mark.parametrize("accepted", ["gzip", "br;q=1.0, gzip;q=0.8", "gzip;q=0.01"])
def test_it_is_accepted_with_any_weight_but_none(
    api: Caller, review: ReviewTask, accepted: str
) -> None:
    factories.review()
    assert is_compressed(api.get("reviews/", HTTP_ACCEPT_ENCODING=accepted))


def test_a_review_keeps_the_etag_that_if_match_takes(api: Caller, review: ReviewTask) -> None:
    read = api.get(f"reviews/{review.pk}/", **GZIP)

    assert not is_compressed(read)
    claimed = api.post(f"reviews/{review.pk}/claim/", HTTP_IF_MATCH=read.headers["ETag"], **GZIP)
    assert claimed.status_code == 200


def test_a_page_is_compressed_unless_it_could_repeat_its_request(
    desk: Desk, alice: User, review: ReviewTask
) -> None:
    browser = desk(alice)

    page, chosen = browser.get("/", **GZIP), browser.get("/?q=chosen", **GZIP)
    posted = browser.post(f"/reviews/{review.pk}/approve/", {"reason": "chosen"}, **GZIP)

    assert is_compressed(page)
    assert b"<html" in gzip.decompress(page.content)
    assert not is_compressed(chosen)
    assert "Content-Encoding" not in posted.headers


def test_the_length_of_a_compressed_response_tells_its_content_only_roughly(
    client: Client, api: Caller, review: ReviewTask
) -> None:
    factories.review()
    assert len({len(client.get("/accounts/login/", **GZIP).content) for _ in range(20)}) > 1
    assert len({len(api.get("reviews/", **GZIP).content) for _ in range(20)}) > 1


def test_a_problem_that_replaces_a_long_page_can_be_read(api: Caller, settings: Settings) -> None:
    settings.DEBUG = True  # Django's own pages of errors are long then

    problem = api.get("nothing", HTTP_HOST="evil.example", **GZIP)

    assert json.loads(problem.content)["status"] == 400
    assert not is_compressed(problem)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/api/v1/queues/", "/nowhere"])
def test_a_cookie_of_many_escapes_is_refused_at_once(path: str) -> None:
    began = time.process_time()

    answer = Client().get(path, HTTP_COOKIE='a="' + '\\"' * 14_000 + '"')

    assert answer.status_code == 400
    assert time.process_time() - began < 0.5, "it took 1.5 s"


@pytest.mark.django_db
def test_a_cookie_of_few_escapes_is_read(alice: User) -> None:
    browser = Client()
    browser.force_login(alice)
    browser.cookies["odd"] = 'a "quoted" text, with commas; '

    assert browser.get("/").status_code == 200


@pytest.mark.django_db
def test_only_a_valid_session_becomes_a_client_of_its_own(desk: Desk, alice: User) -> None:
    calls: list[None] = []
    extra: dict[str, Any] = {client_limits.AUTHENTICATED: lambda: calls.append(None)}

    Client().get("/accounts/login/", **extra)
    assert calls == []

    desk(alice).get("/", **extra)
    assert len(calls) == 1
