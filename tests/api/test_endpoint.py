"""What every endpoint takes and answers: methods, media types, and what may be stored."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals.models import ReviewTask
from tests.callers import Caller, refused

pytestmark = pytest.mark.django_db


def test_a_method_that_is_not_there_says_which_are(api: Caller, review: ReviewTask) -> None:
    answer = api.client.delete(f"/api/v1/reviews/{review.pk}/")

    refused(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace"])
def test_only_get_and_post_exist(api: Caller, review: ReviewTask, method: str) -> None:
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
    api: Caller, review: ReviewTask, media_type: str
) -> None:
    answer = api.client.generic(
        "POST", f"/api/v1/reviews/{review.pk}/claim/", "x=1", content_type=media_type
    )

    refused(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_is_json_however_it_is_spelt(api: Caller, review: ReviewTask, media_type: str) -> None:
    answer = api.client.generic(
        "POST", f"/api/v1/reviews/{review.pk}/claim/", "{}", content_type=media_type
    )

    assert answer.status_code == 200


def test_a_post_needs_no_body_where_nothing_must_be_said(api: Caller, review: ReviewTask) -> None:
    answer = api.client.generic("POST", f"/api/v1/reviews/{review.pk}/claim/")

    assert answer.status_code == 200


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*;q=0", "garbage", ""])
def test_answers_are_json_whatever_is_wished_for(
    api: Caller, review: ReviewTask, accept: str
) -> None:
    answer = api.get("reviews/", HTTP_ACCEPT=accept)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")


def test_nobody_may_store_an_answer(api: Caller, review: ReviewTask) -> None:
    for path in ("reviews/", f"reviews/{review.pk}/", "nothing/", "reviews/?page_size=x"):
        assert "no-store" in api.get(path).headers["Cache-Control"]
