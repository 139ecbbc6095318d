"""Bodies of requests: what breaks off or is too large is refused, under an idempotency key too."""

from __future__ import annotations

import io

import pytest
from django.test import RequestFactory

from approvals.api.errors import TooLarge
from approvals.api.parsers import StrictJSONParser
from approvals.exceptions import Invalid
from approvals.models import ReviewTask
from approvals.untrusted.strict_json import MAX_BYTES
from tests.callers import Caller, refused

pytestmark = pytest.mark.django_db


def test_a_body_that_breaks_off_is_the_callers_fault(
    api: Caller, review: ReviewTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_args: object, **_kwargs: object) -> None:
        raise OSError("the client has gone away")

    monkeypatch.setattr("django.test.client.FakePayload.read", gone)
    path = f"reviews/{review.pk}/claim/"

    for headers in ({}, {"HTTP_IDEMPOTENCY_KEY": "k"}):
        refused(api.post(path, {"override": True}, **headers), 422, "invalid")


def test_a_body_that_is_too_large_is_413_with_a_key_too(api: Caller, review: ReviewTask) -> None:
    body = '{"text": "' + "x" * 1_048_600 + '"}'

    for headers in ({}, {"HTTP_IDEMPOTENCY_KEY": "k"}):
        refused(api.post(f"reviews/{review.pk}/comments/", body, **headers), 413, "too_large")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"{", ""),
        (b"\xff", ""),
        (b'{"text": "a", "text": "b"}', ""),
        (b'{"text": NaN}', ""),
        (b'{"a/b": {"c~d": ["\\u0000"]}}', "/a~1b/c~0d/0"),
    ],
)
def test_a_body_with_no_reading_or_two_is_refused_at_its_place(body: bytes, pointer: str) -> None:
    with pytest.raises(Invalid) as refusal:
        StrictJSONParser().parse(io.BytesIO(body))

    assert refusal.value.extra["pointer"] == pointer


def test_a_body_that_is_shorter_than_announced_is_refused_though_it_is_json(
    rf: RequestFactory,
) -> None:
    request = rf.post("/", b"{}", content_type="application/json", CONTENT_LENGTH="3")

    with pytest.raises(Invalid, match="shorter than its Content-Length"):
        StrictJSONParser().parse(io.BytesIO(b"{}"), parser_context={"request": request})


def test_a_body_of_just_the_largest_size_is_read() -> None:
    body = b'"' + b"x" * (MAX_BYTES - 2) + b'"'

    assert len(StrictJSONParser().parse(io.BytesIO(body))) == MAX_BYTES - 2
    with pytest.raises(TooLarge):
        StrictJSONParser().parse(io.BytesIO(body + b" "))
