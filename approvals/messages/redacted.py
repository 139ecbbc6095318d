"""The body of a message for people: without its task token, and readable."""

from __future__ import annotations

import json
from typing import Any

from approvals.messages import review_requests
from approvals.messages.envelopes import MAX_ENVELOPES, Extras
from approvals.messages.maps import NO_MAP, MessageMap
from approvals.messages.review_requests import NO_EXTRAS
from approvals.untrusted import base64_text, display, json_text, lenient_json, redaction
from approvals.untrusted.strict_json import Unreadable

UNSHOWN = "[base64 that holds no text]"


def redacted_body(body: str, extras: Extras = NO_EXTRAS, message_map: MessageMap = NO_MAP) -> str:
    """A message out of its envelopes, without its task token, as JSON that is indented if it is short.

    A body that cannot be read, or has no token, is redacted as text; base64 is shown by what it holds.
    """
    try:
        message = review_requests.read(body, extras, message_map)
    except Unreadable:
        return redaction.redact_text(_plain(body))
    stored, _ = lenient_json.storable(message.document)
    return _readable(redaction.redact(stored, message.token))


def _readable(document: Any) -> str:
    """A document as indented JSON, or on one line if that is long: indents of deep values are 40 times as much."""
    parts, length = [], 0
    for part in json.JSONEncoder(ensure_ascii=False, indent=2).iterencode(document):
        parts.append(part)
        length += len(part)
        if length > display.MAX_SHOWN:
            return json_text.on_one_line(document)
    return "".join(parts)


def _plain(body: str) -> str:
    """The text that a body of base64 holds; another body as it is."""
    for _ in range(MAX_ENVELOPES):
        packed = base64_text.decoded(body)
        if packed is None:
            return body
        try:
            packed = base64_text.inflated(packed) if base64_text.is_compressed(packed) else packed
            body = packed.decode("utf-8-sig")
        except (base64_text.BrokenError, base64_text.TooLargeError, UnicodeDecodeError):
            return UNSHOWN
    return UNSHOWN
