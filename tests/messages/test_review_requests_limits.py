"""Texts in a message: each is taken up to its longest, and what is longer is flagged, cut or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from approvals import messages
from approvals.untrusted.strict_json import Unreadable

TOKEN = "token-0001112223333"
LONGEST = {
    "title": ("title", 200),
    "executionArn": ("execution_arn", 512),
    "stateMachineArn": ("state_machine_arn", 512),
    "definitionRevision": ("definition_revision", 128),
    "stateName": ("state_name", 128),
}


def parse(**fields: Any) -> messages.ReviewRequest:
    return messages.parse(json.dumps({"taskToken": TOKEN, "orderId": "1", **fields}))


@pytest.mark.parametrize("name", LONGEST)
def test_a_text_is_taken_up_to_its_longest_and_flagged_beyond(name: str) -> None:
    attribute, longest = LONGEST[name]

    request = parse(**{name: "é" * longest})
    assert (getattr(request, attribute), request.flags) == ("é" * longest, ())

    request = parse(**{name: "é" * (longest + 1)})
    assert (getattr(request, attribute), request.flags) == ("", (name,))


@pytest.mark.parametrize("name", LONGEST)
def test_a_text_that_is_absent_or_null_is_no_fault(name: str) -> None:
    attribute, _ = LONGEST[name]

    for request in (parse(), parse(**{name: None})):
        assert (getattr(request, attribute), request.flags) == ("", ())


def test_a_token_of_the_longest_length_is_taken_and_a_longer_one_refused() -> None:
    assert parse(taskToken="t" * 2048).token.reveal() == "t" * 2048

    with pytest.raises(Unreadable) as refused:
        parse(taskToken="t" * 2049)
    assert refused.value.reason == "token_too_long"


@pytest.mark.parametrize("token", [None, 7, "", "  \t", ["t"]])
def test_a_token_that_is_no_text_or_blank_is_no_token(token: Any) -> None:
    with pytest.raises(Unreadable) as refused:
        parse(taskToken=token)

    assert refused.value.reason == "no_token"


def test_a_path_where_the_token_should_be_is_explained() -> None:
    with pytest.raises(Unreadable) as refused:
        parse(taskToken="$$.Task.Token")

    assert refused.value.reason == "no_token"
    assert "taskToken.$" in refused.value.explanation


def test_an_order_id_of_the_longest_length_is_no_fault_and_a_longer_one_is_cut() -> None:
    request = parse(orderId="1" * 256)
    assert (request.reference, request.flags) == ("1" * 256, ())

    request = parse(orderId="1" * 257)
    assert (request.reference, request.flags) == ("1" * 256, ("orderId",))


def test_an_error_text_is_the_name_and_beside_it_the_cause_if_it_is_too_long_for_a_name() -> None:
    request = parse(error="e" * 256)
    assert (request.error_name, request.error_cause) == ("e" * 256, "")

    request = parse(error="e" * 257)
    assert (request.error_name, request.error_cause) == ("e" * 256, "e" * 257)


def test_the_name_of_an_error_object_is_cut() -> None:
    assert parse(error={"Error": "e" * 257, "Cause": "c"}).error_name == "e" * 256


def test_a_cause_that_is_a_document_is_written_as_json_and_cut() -> None:
    assert parse(error={"Cause": {"städte": ["Köln"]}}).error_cause == '{"städte": ["Köln"]}'
    assert parse(error={"Cause": "x" * 40_000}).error_cause == "x" * 40_000

    cause = parse(error={"Cause": ["y" * 40_000]}).error_cause
    assert cause == json.dumps(["y" * 40_000])[:32_768]


@pytest.mark.parametrize("error", [{"Error": None, "Cause": None}, {"Error": None}, {}])
def test_an_error_object_of_nothing_is_no_fault(error: dict[str, Any]) -> None:
    request = parse(error=error)

    assert (request.error_name, request.error_cause, request.flags) == ("", "", ())


@pytest.mark.parametrize(
    "cause", ['"text"', "5", "null", '{"errorMessage": 5}', '["errorMessage"]']
)
def test_a_cause_whose_json_has_no_message_stays_as_it_came(cause: str) -> None:
    assert parse(error={"Error": "E", "Cause": cause}).error_cause == cause


def test_a_token_inside_the_json_of_a_cause_is_redacted() -> None:
    cause = json.dumps({"errorMessage": f"failed for {TOKEN}"})

    assert parse(error={"Error": "E", "Cause": cause}).error_cause == "failed for [task token]"


@pytest.mark.parametrize("version", ["1", "1.7", 1, 1.2, None])
def test_every_version_of_the_first_is_read(version: Any) -> None:
    assert parse(schemaVersion=version).reference == "1"


def test_another_version_is_refused_and_named_by_its_beginning() -> None:
    with pytest.raises(Unreadable) as refused:
        parse(schemaVersion="2" + "0" * 40)

    assert refused.value.reason == "unknown_version"
    assert repr("2" + "0" * 19) in refused.value.explanation
    assert "0" * 20 not in refused.value.explanation


def test_tokens_are_equal_and_hash_alike_if_their_texts_are() -> None:
    one, same, other = (messages.TaskToken(text) for text in ("a", "a", "b"))

    assert one == same
    assert one != other
    assert other != one
    assert one != "a"
    assert len({one, same, other}) == 2
