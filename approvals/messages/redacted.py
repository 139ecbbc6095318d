"""The body of a message for people: without its task token, and readable."""

from __future__ import annotations

import json

from approvals.messages import requests
from approvals.messages.envelopes import Extras
from approvals.messages.maps import NO_MAP, MessageMap
from approvals.messages.requests import NO_EXTRAS
from approvals.untrusted import lenient_json, redaction
from approvals.untrusted.strict_json import Unreadable


def redacted_body(body: str, extras: Extras = NO_EXTRAS, message_map: MessageMap = NO_MAP) -> str:
    """A message out of its envelopes, without its task token, as indented JSON.

    A body that cannot be read, or has no token, is redacted as text.
    """
    try:
        message = requests.read(body, extras, message_map)
    except Unreadable:
        return redaction.redact_text(body)
    stored, _ = lenient_json.storable(message.document)
    return json.dumps(redaction.redact(stored, message.token), indent=2, ensure_ascii=False)
