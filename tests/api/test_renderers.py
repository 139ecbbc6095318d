"""Responses as bytes: every value that can be stored comes out as Python's own encoder writes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.utils.functional import lazystr
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.renderers import JSONRenderer

from approvals.actions import intake
from approvals.api.renderers import FastJSONRenderer
from approvals.models import ReviewQueue, ReviewTask
from approvals.models.choices import Outcome
from approvals.untrusted import strict_json
from tests import factories
from tests.callers import Caller, refused

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BEYOND_64_BITS = 2**64
SIXTY_FOUR_DIGITS = int("9" * 64)


def nested(levels: int) -> Any:
    """A list in a list, so many levels deep."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"a": [1, -1, 0, True, False, None, ""]},
        {"text": 'Grüße, 漢字, \U0001f600, "quoted", \\, /, <b>&amp;</b>, \x00\x1f\x7f\t\n'},
        {"separators": "a\u2028b\u2029c", "\u2028": "\u2029"},
        [0.1, 812.5, 1.0, -0.0, 1e15, 123456789.123456789, 5e-324, 0.0001, 2**53 + 0.0],
        [2**63 - 1, -(2**63), 2**64 - 1],
        [BEYOND_64_BITS, -BEYOND_64_BITS, SIXTY_FOUR_DIGITS],
        nested(strict_json.MAX_DEPTH),
        nested(400),
        {"id": UUID(int=7), "amount": Decimal("10.50"), "outcome": Outcome.APPROVED},
        [NOON, NOON + timedelta(microseconds=5), NOON.astimezone(timezone(timedelta(hours=2)))],
        {"late": lazystr("later"), "rows": (1, 2)},
        {1: "a key that is no text", None: 2},
    ],
)
def test_values_are_written_in_the_bytes_of_pythons_encoder(value: Any) -> None:
    assert FastJSONRenderer().render(value) == JSONRenderer().render(value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text('ab\u2028é"\\'), inner),
        max_leaves=30,
    )
)
def test_any_json_without_fractions_is_written_in_those_bytes(value: Any) -> None:
    assert FastJSONRenderer().render(value) == JSONRenderer().render(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_read_back_as_the_same_float(value: float) -> None:
    assert repr(json.loads(FastJSONRenderer().render([value]))[0]) == repr(value)


@pytest.mark.parametrize("value", [object(), {"a": object()}, {(1, 2): 3}, "\ud800", {"\ud800": 1}])
def test_what_json_cannot_express_is_an_error_of_the_same_kind(value: Any) -> None:
    with pytest.raises(Exception) as usual:  # noqa: PT011  (the kind is compared below)
        JSONRenderer().render(value)

    with pytest.raises(usual.type):
        FastJSONRenderer().render(value)


def test_a_dataclass_is_not_shown_by_accident() -> None:
    @dataclass
    class Sealed:
        token: str = "secret"

    with pytest.raises(TypeError):
        FastJSONRenderer().render({"review": Sealed()})


@pytest.mark.django_db
def test_a_payload_with_numbers_beyond_64_bits_is_shown_with_their_value(
    api: Caller, queue: ReviewQueue
) -> None:
    order = {"large": SIXTY_FOUR_DIGITS, "small": -BEYOND_64_BITS, "rate": 0.1, "name": "Zoë 漢字"}
    review = factories.review(queue, input=order)

    one = api.get(f"reviews/{review.pk}/")

    assert one.headers["Content-Type"] == "application/json"
    assert one.json()["payload"]["input"] == order
    assert "Zoë 漢字".encode() in one.content


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_a_number_that_json_does_not_have_reaches_no_response(
    api: Caller, queue: ReviewQueue, number: str
) -> None:
    body = json.dumps(factories.message()).replace("812.5", number)
    intake.accept(queue, [factories.received(body)])

    review = ReviewTask.objects.get()
    shown = api.get(f"reviews/{review.pk}/")
    assert (
        json.loads(shown.content, parse_constant=pytest.fail)["payload"]["input"]["total"] == number
    )
    refused(api.post("orders/", f'{{"order_id": "7", "total": {number}}}'), 422, "invalid")
