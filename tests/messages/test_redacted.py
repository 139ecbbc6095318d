"""The body of a message for people."""

from __future__ import annotations

import base64
import gzip
import json
from urllib.parse import quote, unquote

import pytest

from approvals import messages
from approvals.messages.envelopes import Extras
from approvals.messages.redacted import redacted_body
from approvals.untrusted import display, redaction

TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAc/token+0123456789=="


def test_a_body_with_a_token_is_shown_as_indented_json() -> None:
    shown = redacted_body(json.dumps({"task_token": TOKEN, "a\0": [float("nan"), "é"]}))

    document = {"task_token": "[task token]", "a\\u0000": ["NaN", "é"]}
    assert shown == json.dumps(document, ensure_ascii=False, indent=2)


def test_a_body_of_many_values_is_not_shown_larger_than_it_is() -> None:
    deep: object = [0] * 100_000
    for _ in range(58):
        deep = [deep]
    body = json.dumps({"task_token": TOKEN, "deep": deep})

    assert len(redacted_body(body)) < 2 * len(body)


@pytest.mark.parametrize("extra", [0, 1])
def test_a_body_is_indented_only_if_that_is_not_too_long(
    monkeypatch: pytest.MonkeyPatch, extra: int
) -> None:
    body = json.dumps({"task_token": TOKEN, "orderId": ["1", "2"]})
    shown = redacted_body(body)
    monkeypatch.setattr(display, "MAX_SHOWN", len(shown) - extra)

    assert (redacted_body(body) == shown) == (extra == 0)
    assert json.loads(redacted_body(body)) == json.loads(shown)
    assert ("\n" in redacted_body(body)) == (extra == 0)


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


def folded(text: str) -> str:
    """Base64 in short lines, as mail has it."""
    packed = base64.b64encode(text.encode()).decode()
    return "\n".join(packed[at : at + 40] for at in range(0, len(packed), 40))


BESIDE = json.dumps({"taskToken": TOKEN, "orderId": "1"})
COPIES = {
    "folded": folded(BESIDE),
    "whole": base64.b64encode(BESIDE.encode()).decode(),
    "url alphabet": base64.urlsafe_b64encode(b"?>" + BESIDE.encode()).decode(),
    "twice": base64.b64encode(base64.b64encode(BESIDE.encode())).decode(),
    "gzip": base64.b64encode(gzip.compress(BESIDE.encode(), mtime=0)).decode(),
    "damaged gzip": base64.b64encode(gzip.compress(BESIDE.encode(), mtime=0)[:-20]).decode(),
    "in a sentence": f"the message was {base64.b64encode(BESIDE.encode()).decode()}.",
}


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_base64_of_a_text_with_the_token_is_taken_out_of_a_payload(copy: str) -> None:
    request = messages.parse(json.dumps({"taskToken": TOKEN, "orderId": "1", "copy": [copy]}))
    assert request.payload["copy"] == ["[task token]"]


def test_other_base64_stays_in_a_payload() -> None:
    picture = base64.b64encode(bytes(range(256)) * 40).decode()
    packed = base64.b64encode(gzip.compress(b"a picture", mtime=0)).decode()
    request = messages.parse(
        json.dumps({"taskToken": TOKEN, "orderId": "1", "a": picture, "b": packed})
    )
    assert (request.payload["a"], request.payload["b"]) == (picture, packed)


def test_a_token_beside_a_body_of_base64_that_repeats_it_is_shown_nowhere() -> None:
    extras = Extras({"taskToken": TOKEN})
    for body in (
        folded(f"no JSON: {TOKEN}"),
        base64.b64encode(f"no JSON: {TOKEN}".encode()).decode(),
    ):
        assert messages.parse(body, extras).payload["body"] == "[task token]"


@pytest.mark.parametrize(
    "text", [f"no JSON: {TOKEN * 3}", json.dumps({"taskToken": TOKEN * 3, "TaskToken": "b" * 20})]
)
def test_a_body_of_base64_that_cannot_be_used_is_shown_by_what_it_holds(text: str) -> None:
    for body in (
        folded(text),
        folded(folded(text)),
        base64.b64encode(gzip.compress(text.encode())).decode(),
    ):
        shown = redacted_body(body)
        assert "[task token]" in shown
        assert TOKEN[:20] not in shown


@pytest.mark.parametrize(
    "packed",
    [b"\xff" * 90, b"\x1f\x8b" + b"broken" * 9, gzip.compress(b" " * 1_100_000)],
    ids=["no text", "damaged", "too large"],
)
def test_base64_that_holds_no_text_is_shown_as_that(packed: bytes) -> None:
    assert redacted_body(base64.encodebytes(packed).decode()) == "[base64 that holds no text]"


@pytest.mark.parametrize("times", [1, 2])
def test_a_percent_encoded_token_that_nobody_names_is_taken_out(times: int) -> None:
    link = TOKEN * 4
    for _ in range(times):
        link = quote(link, safe="")
    shown = redacted_body(f'{{"link": "https://x.example/approve?t={link}"')
    assert TOKEN[:20] not in unquote(unquote(shown))
    assert redaction.redact_json({"link": f"https://x.example/?t={link}"}) == {
        "link": "https://x.example/?[task token]"
    }
