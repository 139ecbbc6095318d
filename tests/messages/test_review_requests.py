"""Parsing a message: fields, flags, refusals, and that no token shows."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from typing import Any

import pytest

from approvals import messages
from approvals.messages import TaskToken
from approvals.untrusted.strict_json import Unreadable
from tests.factories import message

TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAc/token+0123456789=="


def parse(**fields: Any) -> messages.ReviewRequest:
    return messages.parse(json.dumps({"taskToken": TOKEN, **fields}))


def test_the_textbook_message_is_accepted_as_it_is() -> None:
    request = parse(orderId="12345", error="PaymentGatewayTimeout")

    assert request.token == TaskToken(TOKEN)
    assert (request.reference, request.error_name) == ("12345", "PaymentGatewayTimeout")
    assert (request.flags, request.timeout_seconds, request.priority) == ((), None, 0)


def test_the_full_message_is_understood_whole() -> None:
    body = message(retryCount=2, redriveCount="1", itemIndex=0, priority=5.0, title="Look at this")

    request = messages.parse(json.dumps(body))

    assert request.flags == ()
    assert (request.retry_count, request.redrive_count, request.item_index) == (2, 1, 0)
    assert (request.priority, request.title, request.timeout_seconds) == (5, "Look at this", 3600)
    assert request.execution_arn == body["executionArn"]
    assert (request.error_name, request.error_cause) == ("FraudSuspected", "The card is new here.")
    assert request.payload == body | {"taskToken": "[task token]"}


@pytest.mark.parametrize(
    ("error", "name", "cause"),
    [
        (None, "", ""),
        ("Declined", "Declined", ""),
        ("x" * 300, "x" * 256, "x" * 300),
        ({"Error": "Declined"}, "Declined", ""),
        ({"Error": "E", "Cause": "plain words"}, "E", "plain words"),
        (
            {"Error": "E", "Cause": '{"errorMessage": "No funds", "stackTrace": []}'},
            "E",
            "No funds",
        ),
        ({"Error": "E", "Cause": '{"other": 1}'}, "E", '{"other": 1}'),
        ({"Error": "E", "Cause": "[" * 100_000}, "E", "[" * 100_000),
        ({"Error": "E", "Cause": {"a": 1}}, "E", '{"a": 1}'),
        ({}, "", ""),
    ],
)
def test_an_error_may_be_a_text_null_or_an_object_whose_cause_may_be_json(
    error: Any, name: str, cause: str
) -> None:
    request = parse(orderId="1", error=error)

    assert (request.error_name, request.error_cause, request.flags) == (name, cause, ())


@pytest.mark.parametrize(
    ("given", "kept"), [(42, "42"), (1.5, "1.5"), ("007", "007"), ("é" * 9, "é" * 9)]
)
def test_an_order_id_may_be_a_text_or_a_number(given: Any, kept: str) -> None:
    assert parse(orderId=given).reference == kept


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("orderId", None), ("orderId", True), ("orderId", {}), ("orderId", ""), ("orderId", "x" * 257),
        ("schemaVersion", {}), ("error", 7), ("error", []), ("error", {"Error": 5}),
        ("timeoutSeconds", 0), ("timeoutSeconds", "soon"), ("timeoutSeconds", 1e18),
        ("timeoutSeconds", True), ("timeoutSeconds", -1), ("timeoutSeconds", 1.5),
        ("retryCount", -1), ("redriveCount", "x"), ("itemIndex", 2**31), ("priority", 10**5),
        ("executionArn", 5), ("executionArn", "x" * 513), ("stateName", ["a"]), ("title", "t" * 201),
        ("definitionRevision", 3), ("definitionRevision", "r" * 129),
    ],
)  # fmt: skip
def test_a_bad_optional_field_is_kept_and_flagged_never_refused(name: str, bad: Any) -> None:
    request = parse(**{"orderId": "1", name: bad})

    assert request.flags == (name,)
    assert request.payload[name] == bad


@pytest.mark.parametrize("hidden", ["\\u0000", "\\ud800"])
def test_a_cause_whose_inner_json_hides_what_cannot_be_stored_stays_as_it_came(hidden: str) -> None:
    cause = '{"errorMessage": "a' + hidden + '"}'

    assert parse(orderId="1", error={"Error": "E", "Cause": cause}).error_cause == cause


def test_unknown_fields_are_kept() -> None:
    extra = {
        "newThing": {"deep": [1, None, "x"]},
        "__proto__": {},
        "constructor": 1,
        "_connector": "OR",
    }

    request = parse(orderId="1", **extra)

    assert request.flags == ()
    assert {name: request.payload[name] for name in extra} == extra


@pytest.mark.parametrize("version", [1, "1", "1.7", 1.0, None, " 1", "v1", "01"])
def test_every_minor_version_of_the_first_is_understood(version: Any) -> None:
    request = parse(orderId="1", schemaVersion=version)

    assert (request.reference, request.flags) == ("1", ())


@pytest.mark.parametrize("version", [{}, [], True, "latest", ""])
def test_what_is_no_version_at_all_is_flagged(version: Any) -> None:
    assert parse(orderId="1", schemaVersion=version).flags == ("schemaVersion",)


def test_fifty_odd_fields_are_named_and_of_each_a_hundred_characters() -> None:
    names = ["long name " * 11, *(f"odd{number}" for number in range(50))]

    request = parse(orderId="1", **dict.fromkeys(names, float("nan")))

    assert request.flags == (names[0][:100], *names[1:50])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "not_json"), ("   ", "not_json"), ("{", "not_json"), ("{} {}", "not_json"),
        ("{'a': 1}", "not_json"), ('{"a": 1,}', "not_json"), ("// x\n{}", "not_json"),
        ("\ud800", "not_json"), ('{"a":' * 100_000, "not_json"), ("[" * 100_000, "not_json"),
        ("[" + "[]," * 300_000, "not_json"), ("[" * 70 + "]" * 71, "not_json"),
        ("null", "not_an_object"), ("7", "not_an_object"), ('"text"', "not_json"),
        ("[]", "not_an_object"), ("true", "not_an_object"),
        ("[" + "0," * 20_001 + "0]", "not_an_object"),
        ("{}", "no_token"), ('{"taskToken": null}', "no_token"), ('{"taskToken": " "}', "no_token"),
        ("\ufeff{}", "no_token"), ('{"a": "\n"}', "no_token"),
        ('{"taskToken": ["t"]}', "no_token"), ('{"taskToken": "$$.Task.Token"}', "no_token"),
        ('{"taskToken": NaN}', "not_a_token"), ('{"TaskToken": "t"}', "not_a_token"),
        ('{"taskToken": "' + "t" * 2049 + '"}', "token_too_long"),
        ('{"taskToken": "' + "a" * 16 + '", "taskToken": "' + "b" * 16 + '"}', "several_tokens"),
        ('{"taskToken": "' + TOKEN + '", "schemaVersion": 2}', "unknown_version"),
        ('{"taskToken": "' + TOKEN + '", "schemaVersion": 0}', "unknown_version"),
        ('{"taskToken": "' + "t" * 20 + '\\u0000"}', "not_a_token"),
        ('{"a": "' + "x" * 1_048_576 + '"}', "too_large"),
    ],
    ids=lambda value: value[:30].encode("unicode_escape").decode() if isinstance(value, str) else None,
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_reason(body: str, reason: str) -> None:
    with pytest.raises(Unreadable) as refused:
        messages.parse(body)

    assert refused.value.reason == reason
    assert 0 < len(refused.value.explanation) <= 300


def test_limits_leave_room_for_what_step_functions_can_really_send() -> None:
    items = [{"sku": f"S{n}", "quantity": n, "price": 1.5, "note": "a, b"} for n in range(3_000)]
    text = "commas, " * 25_000

    assert parse(orderId="1", input={"items": items}).flags == ()
    assert parse(orderId="1", input={"essay": text}).payload["input"] == {"essay": text}


@pytest.mark.parametrize(
    "place",
    [
        {"a": TOKEN}, {"a": {"b": [{"c": f"x {TOKEN} y"}]}}, {TOKEN: 1}, {"a": [{f"k{TOKEN}": TOKEN}]},
        {"orderId": TOKEN}, {"title": f"see {TOKEN}"}, {"error": TOKEN}, {"stateName": TOKEN},
        {"error": {"Error": TOKEN, "Cause": f"failed with {TOKEN}"}},
        {"error": {"Error": "E", "Cause": json.dumps({"errorMessage": TOKEN})}},
        {"executionArn": TOKEN, "stateMachineArn": TOKEN},
    ],
)  # fmt: skip
def test_the_token_is_redacted_at_every_place_of_the_message(place: dict[str, Any]) -> None:
    request = parse(**{"orderId": "1", **place})

    assert TOKEN not in str(request)
    assert TOKEN not in json.dumps(dict(request.payload))


@pytest.mark.parametrize(
    "spell",
    [
        lambda token: token.replace("+", "\\u002b").replace("/", "\\/"),
        lambda token: "".join(f"\\u{ord(character):04X}" for character in token),
        lambda token: token.replace("=", "\\\\u003D"),
    ],
    ids=["as .NET and PHP write it", "every character escaped", "escaped twice"],
)
def test_a_token_spelled_with_escapes_in_a_json_text_is_redacted_too(spell: Any) -> None:
    cause = '{"errorMessage": "callback ' + spell(TOKEN) + ' failed"}'

    request = parse(orderId="1", error={"Error": "E", "Cause": cause})

    assert request.error_cause == "callback [task token] failed"
    assert spell(TOKEN) not in json.dumps(dict(request.payload)).replace("\\\\", "\\")


def test_a_token_object_shows_nothing_however_it_is_looked_at(
    caplog: pytest.LogCaptureFixture,
) -> None:
    token = TaskToken(TOKEN)
    caplog.set_level(logging.DEBUG)
    logging.getLogger("any").warning("%s %r %s", token, token, {"token": token})

    shown = f"{token} {token!r} {[token]} {token!s}" + caplog.text
    assert TOKEN not in shown
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(token)
    with pytest.raises(TypeError):
        json.dumps(token)
    assert (token.reveal(), token == TaskToken(TOKEN), len({token, TaskToken(TOKEN)})) == (
        TOKEN,
        True,
        1,
    )
    assert token != TOKEN
