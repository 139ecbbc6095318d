"""Redaction: task tokens in other spellings, and in what people write about a review."""

from __future__ import annotations

import json

import pytest

from approvals.messages import redacted
from approvals.untrusted import redaction

TOKEN = "AQCEAAAAKgAAAAMAAAAA" + "Abc+/deFGH12" * 40 + "=="
SPELT = TOKEN.replace("/", "\\/").replace("+", "\\u002B")


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"taskToken": TOKEN, "orderId": "1", "error": {"Cause": SPELT}}),
        json.dumps({"taskToken": TOKEN, "orderId": "1", "note": f"call {TOKEN} failed"}),
        json.dumps({"taskToken": TOKEN, TOKEN: 1}),
        json.dumps({"taskToken": TOKEN})[:-1],  # cannot be read
        '{"cut": "' + SPELT,
        f"no JSON at all: {SPELT}",
    ],
)
def test_no_part_of_a_token_is_shown_however_its_message_spells_it(body: str) -> None:
    shown = redacted.redacted_body(body)
    plain = shown.replace("\\\\", "\\").replace("\\/", "/").replace("\\u002B", "+")
    assert not any(TOKEN[i : i + 12] in plain for i in range(len(TOKEN) - 12))
    assert redaction.PLACEHOLDER in shown
