"""Messages as people really send them: a row for each small input, through intake to the review's page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from approvals.actions import intake
from approvals.models import QuarantinedMessage, ReviewQueue, ReviewTask, User
from approvals.records import quarantined_messages
from tests import factories
from tests.factories import received

pytestmark = pytest.mark.django_db
CASES = Path(__file__).parent / "cases"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:a:b"
TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAc/token+0123456789=="

# Which input becomes a review: what its columns hold, and its flags.
REVIEWS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "01-plain": ({"reference": "case-01"}, []),
    "02-TaskToken": ({"reference": "case-02"}, []),
    "03-snake": ({"reference": "case-03", "execution_arn": EXECUTION}, []),
    "12-bom": ({"reference": "case-12"}, []),
    "14-scientific-id": ({"reference": "123456789012"}, []),
    "16-timeout-as-text": ({"reference": "case-16", "deadline_source": "message", "priority": 0}, ["priority"]),
    "17-timeout-scientific": ({"reference": "case-17", "deadline_source": "message"}, []),
    "18-lambda-cause": ({"error_name": "ValueError", "error_cause": "zip too long"}, []),
    "19-nan": ({"reference": "case-19"}, ["amount"]),
    "20-nul": ({"reference": "case-20"}, ["note"]),
    "21-html": ({"error_name": "</script><b>x"}, []),
    "22-bidi": ({"reference": "case-22"}, []),
    "31-orderid-object": ({"reference": '{"N": "123"}'}, ["orderId"]),
    "33-doubled-orderid": ({"reference": "case-33"}, ["orderId"]),
    "34-deep": ({"reference": "case-34"}, ["x"]),
    "37-version-number": ({"reference": "case-37"}, []),
    "39-whitespace": ({"reference": "case-39"}, []),
    "45-tab-in-text": ({"reference": "case-45"}, []),
    "47-payment-token": ({"reference": "case-47"}, []),
}  # fmt: skip
# Which input goes to quarantine: its reason, and what its explanation says.
REFUSED = {
    "23-python-repr": ("not_json", "json.dumps()"),
    "25-unresolved-path": ("no_token", "`taskToken.$`"),
    "26-unresolved-jsonata": ("no_token", "query language is JSONPath"),
    "27-token-url-encoded": ("not_a_token", "URL-encoded"),
    "40-trailing-comma": ("not_json", "line 1 column"),
    "46-two-spellings-differ": ("several_tokens", "taskToken and TaskToken"),
}


def case(name: str) -> str:
    """The body of an input."""
    return (CASES / f"{name}.txt").read_bytes().decode()


def page_of(review: ReviewTask, reader: User) -> str:
    """A review's page."""
    client = Client()
    client.force_login(reader)
    response = client.get(reverse("review", args=[review.pk]))
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("name", REVIEWS)
def test_an_odd_but_readable_message_is_a_review_whose_page_can_be_read(
    name: str, queue: ReviewQueue, alice: User
) -> None:
    columns, flags = REVIEWS[name]

    assert intake.accept(queue, [received(case(name))]).reviews == 1

    review = ReviewTask.objects.get()
    assert {column: getattr(review, column) for column in columns} == columns
    assert review.flags == flags
    html = page_of(review, alice)
    assert "[task token]" in html
    assert "AQCY" not in html
    assert "<script><b>" not in html


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_a_review_says_what_the_sender_mends(name: str, queue: ReviewQueue) -> None:
    reason, words = REFUSED[name]

    assert intake.accept(queue, [received(case(name))]).quarantined == 1

    row = QuarantinedMessage.objects.get()
    assert row.reason == reason
    assert words in row.explanation
    assert "AQCY" not in quarantined_messages.redacted_body(row)


def test_other_content_under_one_token_is_a_conflict_and_another_order_of_keys_is_not(
    queue: ReviewQueue,
) -> None:
    taken = [
        intake.accept(queue, [received(case(name))])
        for name in ("41a-same", "41b-other-key-order", "42-same-token-redriven")
    ]

    assert [(one.reviews, one.duplicates, one.quarantined) for one in taken] == [
        (1, 0, 0), (0, 1, 0), (0, 0, 1),
    ]  # fmt: skip
    assert QuarantinedMessage.objects.get().reason == "conflict"


LARGE: dict[str, dict[str, Any]] = {
    "25,000 numbers": {"x": list(range(25_000))},
    "half a million numbers": {"x": [0] * 500_000},
    "a megabyte of one text": {"x": "y" * 1_000_000},
    "many odd fields": {f"odd{n}": float("nan") for n in range(30_000)},
    "many keys": {"input": {f"key{n}": n for n in range(60_000)}},
    "a number of 5,000 digits": {"x": 10**4_000, "y": 1e300},
    "a surrogate": {"\ud800": "\udfff", "title": "\ud83d"},
}


@pytest.mark.parametrize("name", LARGE)
def test_size_and_values_that_cannot_be_stored_never_quarantine(
    name: str, queue: ReviewQueue, alice: User
) -> None:
    body = json.dumps({"taskToken": TOKEN, "orderId": "1", **LARGE[name]}, separators=(",", ":"))
    assert len(body) <= 1_048_576

    assert intake.accept(queue, [received(body)]).reviews == 1

    review = ReviewTask.objects.get()
    assert len(review.flags) <= 50
    assert len(page_of(review, alice)) < 2_000_000


@pytest.mark.parametrize("depth", [63, 64, 65, 1_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_depth_never_quarantines_and_what_is_too_deep_is_shown_as_text(
    depth: int, opening: str, closing: str, queue: ReviewQueue, alice: User
) -> None:
    body = f'{{"taskToken": "{TOKEN}", "orderId": "1", "x": {opening * depth}1{closing * depth}}}'

    assert intake.accept(queue, [received(body)]).reviews == 1
    again = received(body.replace(": ", ":"))
    assert intake.accept(queue, [again]).duplicates == 1

    review = ReviewTask.objects.get()
    assert review.flags == (["x"] if depth > 63 else [])
    assert "too deep" not in page_of(review, alice)


def test_a_token_repeated_in_what_is_shown_as_text_is_redacted(queue: ReviewQueue) -> None:
    deep = "[" * 80 + f'"{TOKEN}"' + "]" * 80
    factories.review(queue, taskToken=TOKEN)
    intake.accept(
        queue, [received(f'{{"taskToken": "{TOKEN}x", "x": {deep.replace("==", "==x")}}}')]
    )

    review = ReviewTask.objects.get(reference="")
    assert TOKEN not in json.dumps(review.payload)
