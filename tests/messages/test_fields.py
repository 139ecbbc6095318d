"""Optional fields: numbers and ids however they are written, and errors whose cause is JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from approvals.messages.fields import Reader


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (3600, 3600), (3.6e3, 3600), ("3600", 3600), (" 3600 ", 3600), ("3600.0", 3600), ("3.6E3", 3600),
        ("+60", 60), ("1_000", None), ("\u0661", None), ("0x10", None), ("1e999999", None), ("NaN", None),
        (1.5, None), (2.5, None), ("high", None), (True, None), ([60], None), ("9" * 33, None),
        ("1E1000000", None), ("-1E999999999", None), ("1E-1000000", None), ("0E1000000", None),
        ("0E-1000000", None), ("60E0", 60), ("6000E-2", 60),
    ],
)  # fmt: skip
def test_a_whole_number_is_read_however_it_is_written(written: Any, read: int | None) -> None:
    reader = Reader({"timeoutSeconds": written})

    assert reader.whole("timeoutSeconds", 1, 10_000) == read
    assert reader.flags == ([] if read else ["timeoutSeconds"])


@pytest.mark.parametrize(
    ("given", "shown", "flagged"),
    [
        (1.23456789012e11, "123456789012", False), (1e60, "1" + "0" * 60, False), (1.5, "1.5", False),
        (0, "0", False), (-0.0, "-0", False), ({"N": "123"}, '{"N": "123"}', True), ([1], "[1]", True),
        (True, "true", True), (["é"], '["é"]', True), (None, "", True), ("", "", True),
        ("x" * 300, "x" * 256, True),
    ],
)  # fmt: skip
def test_an_order_id_is_shown_whatever_it_is(given: Any, shown: str, flagged: bool) -> None:
    reader = Reader({"orderId": given})

    assert (reader.reference(), bool(reader.flags)) == (shown, flagged)


@pytest.mark.parametrize(
    ("error", "name", "cause"),
    [
        (
            {"Error": "E", "Cause": json.dumps({"StoppedReason": "out of memory"})},
            "E",
            "out of memory",
        ),
        (
            {"Error": "E", "Cause": json.dumps({"Cause": json.dumps({"errorMessage": "no"})})},
            "E",
            "no",
        ),
        ({"Error": "E", "Cause": json.dumps({"errorMessage": 5, "message": "m"})}, "E", "m"),
        ({"Error": "E", "Cause": json.dumps({"errorMessage": "", "message": "m"})}, "E", "m"),
        (json.dumps({"Error": "E", "Cause": "c"}), "E", "c"),
        ({"error": "E", "cause": "c"}, "E", "c"),
        ('{"other": 1}', '{"other": 1}', ""),
        ('{"Error": "a\\u0000b"}', "", ""),
    ],
)
def test_an_error_is_read_out_of_the_json_it_lies_in(error: Any, name: str, cause: str) -> None:
    assert Reader({"error": error}).error() == (name, cause)


def test_a_cause_beside_the_error_is_its_cause() -> None:
    payload = {"error": "E" * 300, "attempt": "2", "Cause": "why", "reason": "none"}

    assert Reader(payload).error() == ("E" * 256, "why")


def test_an_error_whose_name_is_no_text_is_flagged_and_its_cause_kept() -> None:
    reader = Reader({"error": {"Error": 5, "Cause": "why"}})

    assert (reader.error(), reader.flags) == (("", "why"), ["error"])


@pytest.mark.parametrize("cause", ["{no JSON", '{"a":' * 100_000], ids=["broken", "deep"])
def test_a_cause_that_only_begins_like_json_stays_as_it_came(cause: str) -> None:
    assert Reader({"error": {"Error": "E", "Cause": cause}}).error() == ("E", cause)


def test_a_cause_is_read_out_of_json_in_json_three_levels_deep() -> None:
    cause = "no"
    for _ in range(3):
        cause = json.dumps({"Cause": cause})
    deeper = json.dumps({"Cause": cause})

    assert Reader({"error": {"Error": "E", "Cause": cause}}).error() == ("E", "no")
    assert Reader({"error": {"Error": "E", "Cause": deeper}}).error() == ("E", '{"Cause": "no"}')


def test_of_two_spellings_that_differ_the_second_is_flagged() -> None:
    reader = Reader({"title": "one", "Title": "one", "TITLE": "another"})

    assert (reader.text("title", 200), reader.flags) == ("one", ["TITLE"])


def test_a_number_may_have_32_characters() -> None:
    reader = Reader({"retryCount": f"{'0' * 31}7", "redriveCount": f"{'0' * 32}7"})

    assert (reader.whole("retryCount", 0, 10), reader.whole("redriveCount", 0, 10)) == (7, None)
    assert reader.flags == ["redriveCount"]


def test_a_timeout_is_of_a_second_at_least() -> None:
    assert Reader({"timeoutSeconds": 1}).deadline(60) == (1, None)
    assert Reader({"timeoutSeconds": 0}).deadline(60) == (None, None)


ARN = "arn:aws:states:us-east-1:123456789012:execution:a:b"


@pytest.mark.parametrize(
    ("payload", "arn"),
    [
        ({"action": "a", "title": "Look", "execution_id": ARN}, ARN),
        ({"executionId": 5, "ExecutionId": ARN}, ARN),
        ({"executionId": "e-5"}, ""),
        ({"runId": ARN}, ""),
    ],
)
def test_an_execution_id_is_the_execution_if_it_is_an_arn(
    payload: dict[str, Any], arn: str
) -> None:
    assert Reader(payload).execution_id() == arn


def test_a_mapped_value_comes_before_the_fields_own_name() -> None:
    reader = Reader({"title": "own"}, {"title": ("$.about.title", "mapped")})

    assert reader.text("title", 200) == "mapped"


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_mapped_time_beyond_the_calendar_is_flagged(time: str) -> None:
    reader = Reader({}, {"timeoutSeconds": ("$.deadline", time)})

    assert reader.deadline(99_999_999) == (None, None)
    assert reader.flags == ["$.deadline"]
