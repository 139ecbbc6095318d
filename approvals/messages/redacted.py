"""The body of a message for people: without its task token, and readable."""

from __future__ import annotations

import json

from approvals.messages import requests
from approvals.untrusted import lenient_json, redaction
from approvals.untrusted.strict_json import Unreadable


def redacted_body(body: str) -> str:
    """The body of a message without its task token, as indented JSON.

    A body that cannot be read, or has no token, is redacted as text.
    """
    try:
        document = lenient_json.read(body)
        token = requests.token_of(document) if isinstance(document, dict) else ""
    except Unreadable:
        token = ""
    if not token:
        return redaction.redact_text(body)
    stored, _ = lenient_json.storable(document)
    return json.dumps(redaction.redact(stored, token), indent=2, ensure_ascii=False)
