"""Spellings of the known fields, what cannot be a task token, and what the sender is told to mend."""

from __future__ import annotations

import json
from typing import Any

import pytest

from approvals import messages
from approvals.messages import Extras, redacted
from approvals.untrusted.strict_json import Unreadable

TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAc/token+0123456789=="
OTHER = "AQCEAAAAKgAAAAMAAAAAAAAAAc/other+0123456789=="


def refusal(body: dict[str, Any] | str) -> Unreadable:
    """The refusal of a body."""
    with pytest.raises(Unreadable) as refused:
        messages.parse(body if isinstance(body, str) else json.dumps(body))
    return refused.value


@pytest.mark.parametrize(
    "name",
    ["taskToken", "TaskToken", "task_token", "task-token", "TASK_TOKEN", "tasktoken", "Task Token", "token"],
)  # fmt: skip
def test_the_token_is_found_under_every_spelling_and_shown_under_none(name: str) -> None:
    body = json.dumps({name: TOKEN, "orderId": "1"})

    request = messages.parse(body)

    assert request.token.reveal() == TOKEN
    assert request.payload[name] == "[task token]"
    assert TOKEN not in redacted.redacted_body(body)


def test_the_other_fields_are_found_under_every_spelling_too() -> None:
    request = messages.parse(
        json.dumps(
            {
                "task_token": TOKEN, "order_id": "7", "ExecutionArn": "arn:e", "state_machine_arn": "arn:s",
                "state-name": "Wait", "TIMEOUT_SECONDS": "60", "Retry Count": 2, "Title": "Look",
                "Error": {"error": "E", "cause": "why"}, "Priority": 3, "item_index": 4,
            }
        )
    )  # fmt: skip

    assert (request.reference, request.execution_arn) == ("7", "arn:e")
    assert (request.state_machine_arn, request.state_name) == ("arn:s", "Wait")
    assert (request.timeout_seconds, request.retry_count, request.item_index) == (60, 2, 4)
    assert (request.title, request.priority) == ("Look", 3)
    assert (request.error_name, request.error_cause, request.flags) == ("E", "why", ())


def test_of_two_spellings_the_fields_own_name_counts_and_the_differing_one_is_flagged() -> None:
    request = messages.parse(
        json.dumps(
            {"taskToken": TOKEN, "order_id": "a", "orderId": "b", "Title": "x", "title": "x"}
        )
    )

    assert (request.reference, request.title, request.flags) == ("b", "x", ("order_id",))


def test_a_token_that_stands_twice_alike_is_one_and_that_differs_is_none() -> None:
    assert (
        messages.parse(json.dumps({"taskToken": TOKEN, "TaskToken": TOKEN})).token.reveal() == TOKEN
    )
    assert (
        messages.parse(json.dumps({"taskToken": TOKEN, "task_token": None})).token.reveal() == TOKEN
    )
    twice = '{"taskToken": "%s", "taskToken": "%s"}'
    assert messages.parse(twice % (TOKEN, TOKEN)).flags == ("taskToken", "orderId")

    for body in (json.dumps({"taskToken": TOKEN, "TaskToken": OTHER}), twice % (TOKEN, OTHER)):
        assert refusal(body).reason == "several_tokens"
        shown = redacted.redacted_body(body)
        assert TOKEN not in shown
        assert OTHER not in shown


def test_a_bare_token_counts_only_where_no_task_token_stands() -> None:
    request = messages.parse(
        json.dumps({"TaskToken": TOKEN, "token": "tok_visa_4242", "orderId": "1"})
    )

    assert (request.token.reveal(), request.payload["token"]) == (TOKEN, "tok_visa_4242")
    assert refusal({"taskToken": None, "token": "tok_visa_4242_4242"}).reason == "no_token"


def test_another_token_below_a_tokens_name_is_not_shown_either() -> None:
    request = messages.parse(json.dumps({"taskToken": TOKEN, "input": {"task_token": OTHER}}))

    assert request.payload["input"] == {"task_token": "[task token]"}


@pytest.mark.parametrize(
    ("token", "mended"),
    [
        ("$$.Task.Token", "`taskToken.$`"),
        ("$.token", "`taskToken.$`"),
        ("$states.context.Task.Token", "{% and %}"),
        ("States.Format('{}', $$.Task.Token)", "`taskToken.$`"),
        ("{% $states.context.Task.Token %}", "query language is JSONPath"),
        ("${Token}${Token}${Token}", "`taskToken.$`"),
        ("{{ task.token.of.this }}", "placeholder"),
        ("<TASK_TOKEN_GOES_HERE>", "placeholder"),
        ("AQCEAAAAKgAAAAM%2Babcdefgh%3D%3D", "URL-encoded"),
        ("AQCEAAAAKgAAAAM%abcdefgh", "URL-encoded"),
        ("AQCEAAAA KgAAAAMAAAAAAAAAA", "blanks"),
        ("AQCEAAAAKgAAAAMAAAAAAAAAA\n", "blanks"),
        ("AQCEAAAAKgAAAAMAAAAAAA\u0000AA", "control characters"),
        ("AQCEAAAAKgAAAAMAAAAAAA\u200bAA", "beyond ASCII"),
        ("AQCEAAAAKgAAAAM", "15 characters"),
        ("[task token]", "taken out"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_token_is_refused_with_what_the_sender_must_correct(
    token: str, mended: str
) -> None:
    refused = refusal({"taskToken": token, "orderId": "1"})

    assert refused.reason in {"no_token", "not_a_token"}
    assert mended in refused.explanation
    assert len(refused.explanation) <= 300


def test_a_key_that_was_not_evaluated_is_named() -> None:
    assert "taskToken.$" in refusal({"taskToken.$": "$$.Task.Token"}).explanation
    assert "no taskToken" in refusal({"orderId.$": "$.id"}).explanation


def test_a_key_without_a_text_is_named() -> None:
    assert "Under task_token stands no text" in refusal({"task_token": None}).explanation


def test_keys_are_named_by_their_beginning() -> None:
    one, other = f"task{'_' * 50}token", f"task{'-' * 50}token"

    assert f"key '{one[:40]}' came" in refusal({f"{one}.$": "$$.Task.Token"}).explanation
    both = f"{one} and {other}"[:100]
    assert f"under {both}: send one" in refusal({one: TOKEN, other: OTHER}).explanation


def test_the_token_may_stand_in_an_attribute_in_every_spelling() -> None:
    for attributes in (
        {"TASK_TOKEN": TOKEN},
        {"Token": TOKEN},
        {"taskToken": "", "task_token": TOKEN},
        {"token": "", "TOKEN": TOKEN},
        {"token": OTHER, "taskToken": TOKEN},
    ):
        assert messages.parse("{}", Extras(attributes)).token.reveal() == TOKEN


def test_of_the_attributes_only_those_that_may_count_are_kept() -> None:
    kept = {"order-id": "7", "Token": TOKEN, "S3MessageBodyKey": "(bucket)key"}

    assert messages.attributes_used({"A": "a", **kept, "z": "z"}) == kept


def test_no_explanation_shows_a_part_of_a_token() -> None:
    for token in (f'{{"token": "{TOKEN}"}}', f"{TOKEN} ", f"{TOKEN}%3D", TOKEN * 60):
        explanation = refusal({"taskToken": token}).explanation
        assert not any(TOKEN[at : at + 8] in explanation for at in range(len(TOKEN) - 8))
