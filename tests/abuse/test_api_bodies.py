"""Hostile bodies and parameters against every route: refused or harmless, and never a 5xx.

The seeds are those of the reliability study, section 6.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.models import Decision, ReviewQueue, ReviewTask, User
from approvals.orchestration import fulfillment
from tests import factories
from tests.abuse.api_bodies import BODIES, TEXTS
from tests.callers import Caller

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silence")]

POSTS = (
    "reviews/{review}/claim/",
    "reviews/{review}/renew/",
    "reviews/{review}/release/",
    "reviews/{review}/reassign/",
    "reviews/{review}/comments/",
    "reviews/{review}/decisions/",
    "quarantine/{review}/replay/",
    "quarantine/{review}/discard/",
    "decisions/{review}/undo/",
    "bulk-decisions/",
    "bulk-decisions/{review}/undo/",
    "bulk-decisions/{review}/retry/",
    "queues/manual-review/next/",
    "queues/manual-review/settings/",
    "orders/",
)
GETS = (
    "reviews/",
    "reviews/{review}/",
    "reviews/{review}/events/",
    "reviews/{review}/comments/",
    "quarantine/",
    "queues/",
    "queues/manual-review/settings/",
    "orders/",
    "orders/x/",
)
PARAMETERS = (
    *("queue", "status", "assignee", "reference", "q", "ordering", "cursor", "page_size"),
    *("page", "id", "format", "field__regex", "_connector", "version", "lang"),
)
VALUES = (
    *TEXTS[:10],
    *TEXTS[11:],
    *("", " ", "\0", "a\0", "-1", "0", "1e9", "NaN", "9" * 5_000, "%", "_", "\\", "null", "me"),
    *("(a+)+$", "any", "pending,pending", ",", "deadline,id", "password", "WyJuIl0", "A:B", ":"),
)


@pytest.fixture
def silence() -> Iterator[None]:
    """Thousands of refusals are not worth their log lines."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def allmighty(
    call: Callable[..., Caller], lena: User, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> Caller:
    """A program that nothing is forbidden, so that everything reaches the verbs."""
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = (
        "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
    )
    monkeypatch.setattr(fulfillment, "PATIENCE", 0)
    people.grant_site(lena, "orders", by=COMMAND_LINE)
    people.grant_site(lena, "operator", by=COMMAND_LINE)
    ReviewQueue.objects.update(output_schema={"type": "object"})
    return call(lena)


@pytest.mark.parametrize("path", POSTS)
def test_no_body_makes_a_5xx(allmighty: Caller, queue: ReviewQueue, path: str) -> None:
    review = factories.review(queue)
    for name, body in BODIES.items():
        address = path.format(review=review.pk)

        began = time.monotonic()
        answer = allmighty.post(address, body)

        assert answer.status_code < 500, (name, answer.content)
        assert time.monotonic() - began < 2, name
        if answer.status_code >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json", name
            json.loads(answer.content)
        else:  # the next body finds a review that nothing was done to
            review = factories.review(queue)


def test_no_body_of_the_corpus_decides(allmighty: Caller, review: ReviewTask) -> None:
    for name in (name for name in BODIES if "text" not in name):
        answer = allmighty.post(f"reviews/{review.pk}/decisions/", BODIES[name])

        assert answer.status_code in (413, 422), (name, answer.content)
    assert not Decision.objects.exists()


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_no_parameter_of_the_list_makes_a_5xx(
    allmighty: Caller, review: ReviewTask, parameter: str
) -> None:
    for value in VALUES:
        answer = allmighty.get("reviews/", {parameter: value})

        assert answer.status_code in (200, 422), (value, answer.content)


@pytest.mark.parametrize("path", GETS)
def test_no_parameter_of_any_route_makes_a_5xx(
    allmighty: Caller, review: ReviewTask, path: str
) -> None:
    for parameter in ("cursor", "page_size", "status", "format", "x"):
        for value in (TEXTS[2], "\0", "-1", "9" * 5_000, "WyJuIl0", "A:B"):
            answer = allmighty.get(path.format(review=review.pk), {parameter: value})

            assert answer.status_code in (200, 404, 422), (parameter, value, answer.content)


@pytest.mark.parametrize("raw", ["q=%ED%A0%80", "%00=1", "q=%", "&&&", "=", "q[]=1", "a=1&" * 2000])
def test_no_query_string_makes_a_5xx(allmighty: Caller, raw: str) -> None:
    answer = allmighty.client.get("/api/v1/reviews/", QUERY_STRING=raw)

    assert answer.status_code in (200, 422), answer.content


@pytest.mark.parametrize("value", VALUES)
def test_no_path_makes_a_5xx(allmighty: Caller, queue: ReviewQueue, value: str) -> None:
    for path in ("reviews/{}/", "queues/{}/next/", "orders/{}/", "decisions/{}/undo/", "{}"):
        address = f"/api/v1/{path.format(value.replace('%', '%25').replace('?', ''))}"
        for answer in (allmighty.get(address), allmighty.post(address)):
            assert answer.status_code < 500, (address[:80], answer.content)


@pytest.mark.parametrize(
    "name", ["HTTP_IF_MATCH", "HTTP_ACCEPT", "HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_IDEMPOTENCY_KEY"]
)
def test_no_header_makes_a_5xx(allmighty: Caller, queue: ReviewQueue, name: str) -> None:
    for value in (*TEXTS, "DELETE", '"' * 9, "\0", "é"):
        path = f"reviews/{factories.review(queue).pk}/decisions/"

        answer = allmighty.post(path, {"outcome": "approved"}, **{name: value})

        assert answer.status_code in (201, 422), (value[:40], answer.content)


def test_a_hostile_review_is_shown_as_it_came(allmighty: Caller, queue: ReviewQueue) -> None:
    for text in TEXTS:
        row = factories.review(queue, orderId=text, title=text, input={text: text}, error=text)

        shown = allmighty.get(f"reviews/{row.pk}/")

        assert shown.status_code == 200
        assert shown.json()["payload"]["input"] == {text: text}
    assert allmighty.get("reviews/").status_code == 200
