"""The body of a message for people."""

from __future__ import annotations

import json

import pytest

from approvals.messages.redacted import redacted_body

TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAc/token+0123456789=="


def test_a_body_with_a_token_is_shown_as_indented_json() -> None:
    shown = redacted_body(json.dumps({"task_token": TOKEN, "a\0": [float("nan")]}))

    assert json.loads(shown) == {"task_token": "[task token]", "a\\u0000": ["NaN"]}


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"TaskToken": TOKEN})[:-1],
        f"{{'taskToken': '{TOKEN}', 'orderId': 1}}",
        json.dumps([{"Task_Token": f"{TOKEN} "}]),
    ],
)
def test_a_body_that_cannot_be_read_is_redacted_as_text_in_every_spelling(body: str) -> None:
    assert TOKEN[:20] not in redacted_body(body)
