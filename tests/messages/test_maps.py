"""A queue's map of JSON paths: where its token, reference, title, deadline and execution stand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from approvals import messages
from approvals.messages import maps, redacted
from approvals.untrusted.strict_json import Unreadable

TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAc/token+0123456789=="
MAP = maps.read(
    {"token": "$.callback.id", "reference": "$['my order'][0].no", "title": "$.about", "deadline": "$.until",
     "execution": "$.run"}
)  # fmt: skip
BODY = {
    "callback": {"id": TOKEN},
    "my order": [{"no": 7}],
    "about": "Look",
    "until": 60,
    "run": "arn:e",
}


def test_the_map_says_where_the_fields_stand() -> None:
    request = messages.parse(json.dumps(BODY), message_map=MAP)

    assert (request.token.reveal(), request.reference, request.title) == (TOKEN, "7", "Look")
    assert (request.timeout_seconds, request.execution_arn, request.flags) == (60, "arn:e", ())
    assert request.payload["callback"] == {"id": "[task token]"}
    assert TOKEN not in redacted.redacted_body(json.dumps(BODY), message_map=MAP)


def test_the_map_reaches_into_an_envelope_or_begins_at_it() -> None:
    event = {"detail-type": "x", "source": "y", "detail": BODY}
    whole = maps.read({"token": "$.detail.callback.id"})

    assert messages.parse(json.dumps(event), message_map=MAP).envelopes == ("EventBridge event",)
    assert messages.parse(json.dumps(event), message_map=whole).envelopes == ()


def test_where_the_map_finds_nothing_the_usual_names_count() -> None:
    request = messages.parse(json.dumps({"task_token": TOKEN, "orderId": "8"}), message_map=MAP)
    assert (request.token.reveal(), request.reference) == (TOKEN, "8")

    with pytest.raises(Unreadable, match=r"\$\.callback\.id"):
        messages.parse('{"callback": 1}', message_map=MAP)
    with pytest.raises(Unreadable, match=r"\$\.callback\.id was URL-encoded"):
        messages.parse('{"callback": {"id": "AQCEAAAAKgAAAAMAA%3D"}}', message_map=MAP)


@pytest.mark.parametrize(
    ("until", "at"),
    [
        ("2027-01-02T03:04:05Z", datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2027-01-02T04:04:05+01:00", datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (1_798_859_045, datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (1_798_859_045_500, datetime(2027, 1, 2, 3, 4, 5, 500_000, tzinfo=UTC)),
        (99_999_999_999, datetime(5138, 11, 16, 9, 46, 39, tzinfo=UTC)),
        (100_000_000_000, datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)),
        (100_000_000, datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        (f"2027-01-02T03:04:05.{'0' * 60}Z", datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ],
)
def test_a_deadline_may_be_a_time(until: Any, at: datetime) -> None:
    request = messages.parse(json.dumps(BODY | {"until": until}), message_map=MAP)

    assert (request.deadline_at, request.timeout_seconds, request.flags) == (at, None, ())


def test_a_number_that_can_be_a_timeout_is_no_time() -> None:
    request = messages.parse(json.dumps(BODY | {"until": 99_999_999}), message_map=MAP)

    assert (request.deadline_at, request.timeout_seconds) == (None, 99_999_999)


@pytest.mark.parametrize(
    "until",
    [
        "2027-01-02",
        "soon",
        -1,
        10**30,
        [1],
        1.5,
        10**19,
        10**20,
        10**23,
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
    ],
)
def test_a_deadline_that_is_no_time_is_flagged(until: Any) -> None:
    request = messages.parse(json.dumps(BODY | {"until": until}), message_map=MAP)

    assert (request.deadline_at, request.timeout_seconds) == (None, None)
    assert request.flags == ("$.until",)


@pytest.mark.parametrize(
    "stored",
    [[], {"tokens": "$.a"}, {"token": 5}, {"token": "a.b"}, {"token": "$"}, {"token": "$.a[*]"},
     {"token": "$..a"}, {"token": "$." + "a" * 300}],
)  # fmt: skip
def test_a_map_that_cannot_be_used_is_refused_with_a_sentence(stored: Any) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        maps.read(stored)


def test_a_name_that_no_map_has_is_shown_by_its_beginning() -> None:
    with pytest.raises(ValueError, match=f"No field '{'n' * 40}': a map may name token, "):
        maps.read({"n" * 41: "$.a"})
