"""Redaction: task tokens in other spellings, and in what people write about a review."""

from __future__ import annotations

import base64
import gzip
import json
import random
import time
from contextlib import suppress
from urllib.parse import quote

import pytest

from approvals import messages
from approvals.messages import redacted
from approvals.untrusted import base64_text, redaction, strict_json

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


@pytest.mark.parametrize("token", ["b", "ab", "x" * 11, "x" * 12, "x" * 16])
def test_a_payload_hardly_grows_however_often_it_holds_its_token(token: str) -> None:
    texts = [token * (1_000_000 // len(token)), f"{token} " * 10_000, token]
    for text in texts:
        redacted = redaction.redact({"a": [text]}, token)
        assert len(redacted["a"][0]) <= max(len(text), len(redaction.PLACEHOLDER))
        assert redaction.PLACEHOLDER in redacted["a"][0]


def test_a_message_full_of_a_token_of_one_letter_is_stored_no_larger() -> None:
    body = json.dumps({"taskToken": "b", "orderId": "1", "input": "b" * 1_000_000})
    with suppress(strict_json.Unreadable):  # a token as short may be refused altogether
        stored = json.dumps(dict(messages.parse(body).payload))
        assert len(stored) < len(body) + 1_000


def test_a_megabyte_of_backslashes_is_redacted_in_less_than_a_second() -> None:
    began = time.process_time()
    assert len(redaction.redact_text("\\" * 1_000_000)) == 1_000_000
    assert time.process_time() - began < 1


@pytest.mark.parametrize("end", [None, -20], ids=["whole", "broken"])
def test_texts_that_unpack_to_megabytes_are_unpacked_only_to_a_limit(
    end: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []
    inflated = base64_text.inflated

    def counted(packed: bytes) -> bytes:
        tries.append(len(packed))
        return inflated(packed)

    monkeypatch.setattr(base64_text, "inflated", counted)
    filling = random.Random(7).randbytes(10_000) + b"0" * 900_000
    bomb = base64.b64encode(gzip.compress(filling)[:end]).decode()
    small = base64.b64encode(gzip.compress(b"a small one")).decode()

    shown = redaction.redact([small, *[bomb] * 700, small, "text"], TOKEN)

    limit = redaction.MOST_UNPACKED // 900_000 + 2
    assert len(tries) <= limit
    assert (shown[0], shown[-2:]) == (small, [redaction.PLACEHOLDER, "text"])


@pytest.mark.parametrize("safe", ["", "/", "+", "="])
def test_a_percent_encoded_token_in_a_link_is_taken_out(safe: str) -> None:
    once = quote(TOKEN, safe=safe)
    for spelt in (once, once.replace("%2B", "%2b").replace("%2F", "%2f"), quote(once, safe="")):
        link = f"https://x.example/approve?taskToken={spelt}&to=%C3%A9"

        shown = redaction.redact({"link": link}, TOKEN)["link"]

        assert shown == f"https://x.example/approve?taskToken={redaction.PLACEHOLDER}&to=%C3%A9"


def test_a_megabyte_of_percent_signs_is_redacted_in_less_than_a_second() -> None:
    began = time.process_time()
    for text in ("%" * 1_000_000, "%" + "25" * 500_000, "%2B" * 333_333):
        redaction.redact(text, TOKEN)
    assert time.process_time() - began < 3
