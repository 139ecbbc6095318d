"""Every refusal is a problem document, and nothing unforeseen tells what is inside."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import DataError, InterfaceError, OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals.actions import assignment, decisions
from approvals.api import queries
from approvals.api.views import decisions as views
from approvals.exceptions import KeyMissing
from approvals.models import ReviewTask, User
from approvals.models.choices import Outcome
from tests.callers import Caller, refused
from tests.factories import actor

pytestmark = pytest.mark.django_db

SECRET = "password=hunter2 at 10.0.0.7"


def test_an_address_that_is_none_is_a_problem_for_everybody(
    api: Caller, call: Callable[..., Caller]
) -> None:
    for path in (
        "nothing/",
        "reviews/7/",
        "reviews/not-a-uuid/claim/",
        "reviews/00000000-0000-0000-0000-00000000000G/",
        "/api/",
        "/api/v2/reviews/",
        "/api/v1/reviews/%00/",
        "/api//v1/reviews/",
    ):
        for caller in (api, call(None)):
            refused(caller.get(path), 404, "not_found")
            refused(caller.post(path), 404, "not_found")


def test_a_forgotten_slash_is_told(api: Caller) -> None:
    problem = refused(api.post("reviews"), 404, "not_found")

    assert "slash" in problem["detail"]


def test_a_method_that_is_not_there_says_which_are(api: Caller, review: ReviewTask) -> None:
    answer = api.client.delete(f"/api/v1/reviews/{review.pk}/")

    refused(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace"])
def test_only_get_and_post_exist(api: Caller, review: ReviewTask, method: Any) -> None:
    for path in ("reviews/", f"reviews/{review.pk}/claim/", "orders/"):
        refused(getattr(api.client, method)(f"/api/v1/{path}"), 405, "method_not_allowed")


def test_options_names_the_methods_to_everybody_and_asks_no_database(client: Client) -> None:
    for path, allowed in (
        ("reviews/", "GET, HEAD, OPTIONS"),
        (f"reviews/{uuid.uuid4()}/claim/", "POST, OPTIONS"),
        ("orders/", "GET, HEAD, POST, OPTIONS"),
    ):
        with CaptureQueriesContext(connection) as asked:
            answer = client.options(f"/api/v1/{path}")

        assert (answer.status_code, answer.content) == (204, b"")
        assert (answer.headers["Allow"], len(asked)) == (allowed, 0)


def test_head_is_a_get_without_a_body(api: Caller, review: ReviewTask) -> None:
    answer = api.client.head("/api/v1/reviews/")

    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x", ""],
)
def test_a_body_that_is_not_json_by_its_type_is_415(
    api: Caller, review: ReviewTask, media_type: Any
) -> None:
    answer = api.client.generic(
        "POST", f"/api/v1/reviews/{review.pk}/claim/", "x=1", content_type=media_type
    )

    refused(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_is_json_however_it_is_spelt(api: Caller, review: ReviewTask, media_type: Any) -> None:
    answer = api.client.generic(
        "POST", f"/api/v1/reviews/{review.pk}/claim/", "{}", content_type=media_type
    )

    assert answer.status_code == 200


def test_a_post_needs_no_body_where_nothing_must_be_said(api: Caller, review: ReviewTask) -> None:
    answer = api.client.generic("POST", f"/api/v1/reviews/{review.pk}/claim/")

    assert answer.status_code == 200


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*;q=0", "garbage", ""])
def test_answers_are_json_whatever_is_wished_for(
    api: Caller, review: ReviewTask, accept: Any
) -> None:
    answer = api.get("reviews/", HTTP_ACCEPT=accept)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")


def test_nobody_may_store_an_answer(api: Caller, review: ReviewTask) -> None:
    for path in ("reviews/", f"reviews/{review.pk}/", "nothing/", "reviews/?page_size=x"):
        assert "no-store" in api.get(path).headers["Cache-Control"]


@pytest.mark.parametrize("error", [OperationalError(SECRET), InterfaceError(SECRET), KeyMissing()])
def test_a_database_that_is_away_is_503_with_a_time_to_come_back(
    api: Caller, monkeypatch: pytest.MonkeyPatch, error: Any
) -> None:
    monkeypatch.setattr(queries, "reviews", _raises(error))

    answer = api.get("reviews/")

    refused(answer, 503, error.code if isinstance(error, KeyMissing) else "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert b"hunter2" not in answer.content


def test_a_database_that_is_away_at_sign_in_is_503_too(
    api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args, **_kwargs):
        raise OperationalError(SECRET) from psycopg.OperationalError(SECRET)

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", away)

    answer = api.get("reviews/")

    monkeypatch.undo()
    refused(answer, 503, "unavailable")


@pytest.mark.parametrize("error", [RuntimeError(SECRET), KeyError(SECRET), RecursionError(SECRET)])
def test_an_unexpected_error_is_500_and_is_not_described(
    api: Caller, monkeypatch: pytest.MonkeyPatch, review: ReviewTask, error: Any
) -> None:
    monkeypatch.setattr(assignment, "claim", _raises(error))

    answer = api.post(f"reviews/{review.pk}/claim/")

    refused(answer, 500, "internal_error")
    assert b"hunter2" not in answer.content
    assert b"Traceback" not in answer.content


def test_a_value_the_database_refuses_is_the_callers_mistake(
    api: Caller, monkeypatch: pytest.MonkeyPatch, review: ReviewTask
) -> None:
    monkeypatch.setattr(views.decisions, "decide", _raises(DataError(SECRET)))

    answer = api.post(f"reviews/{review.pk}/decisions/", {"outcome": "approved"})

    refused(answer, 422, "invalid")
    assert b"hunter2" not in answer.content


def test_a_verbs_own_status_never_hides_the_http_status(
    api: Caller, alice: User, review: ReviewTask
) -> None:
    decisions.decide(review.pk, Outcome.REJECTED, by=actor(alice))

    problem = refused(api.post(f"reviews/{review.pk}/claim/"), 409, "already_decided")

    assert problem["review_status"] == "rejected"


def test_all_that_is_wrong_with_a_body_is_listed(api: Caller, review: ReviewTask) -> None:
    body = {"outcome": "maybe", "reason": 5, "undo_seconds": -1}

    problem = api.post(f"reviews/{review.pk}/decisions/", body).json()

    assert [one["pointer"] for one in problem["errors"]] == ["/outcome", "/reason", "/undo_seconds"]
    assert problem["detail"] == problem["errors"][0]["detail"]
    json.dumps(problem)


def _raises(error):
    def raising(*_args, **_kwargs):
        raise error

    return raising
