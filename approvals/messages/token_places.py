"""Where in a message a text stands that may be its task token, so that a quarantine can name the place.

A guess for people: intake itself reads only the names of `untrusted.message_fields` and a queue's map.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any

from approvals.messages import task_tokens
from approvals.untrusted import json_paths, message_fields, redaction
from approvals.untrusted.strict_json import Unreadable

MOST_VALUES = 20_000  # that are looked at
LONGEST_PATH = 80  # characters, because an explanation has 300
LIKE_A_TOKEN = 64  # characters of a text under another name; a token of Step Functions has hundreds
_PLAIN = re.compile(r"[^\W\d][\w-]{0,63}")
_TOKEN = re.compile(r"[A-Za-z0-9+/=_-]{16,2048}")


def like_a_token(document: Any) -> str:
    """The path of the first text below `document` that may be its task token; empty if there is none.

    One under a name of the token comes before one under a name that ends with token, and what lies less deep
    before what lies deeper.
    """
    best = ""
    for path, key, value in islice(_values(document), MOST_VALUES):
        if isinstance(value, str) and _may_be_token(value):
            if _is_named(path):
                return path
            if not best and len(value) >= LIKE_A_TOKEN and key.lower().endswith("token"):
                best = path
    return best


def _values(document: Any) -> Iterator[tuple[str, str, Any]]:
    """All values that a map can name with their paths and keys, what lies less deep first."""
    queue: deque[tuple[str, str, Any]] = deque([("$", "", document)])
    while queue:
        path, key, value = queue.popleft()
        yield path, key, value
        queue.extend(_below(path, value))


def _below(path: str, value: Any) -> list[tuple[str, str, Any]]:
    """The members of an object or a list with their paths; without those that no map can name."""
    if isinstance(value, dict):
        steps = [(_step(key), key, inner) for key, inner in list(value.items())[:MOST_VALUES]]
    elif isinstance(value, list):
        steps = [(f"[{index}]", "", inner) for index, inner in enumerate(value[:100])]
    else:
        return []
    return [
        (path + step, key, inner)
        for step, key, inner in steps
        if step and len(path) + len(step) <= LONGEST_PATH
    ]


def _step(key: str) -> str:
    """The step of a path that names a key; empty for a key that a path cannot name or that may be a secret."""
    if len(key) > message_fields.LONGEST or redaction.redact_text(key) != key:
        return ""
    if _PLAIN.fullmatch(key):
        return f".{key}"
    step = f"['{key}']"
    try:
        return step if json_paths.parse(f"${step}") == (key,) and key.isprintable() else ""
    except ValueError:
        return ""


def _is_named(path: str) -> bool:
    """Whether the last names of a path are those of a token: taskToken, Task.Token, taskToken.S."""
    keys = [key for key in json_paths.parse(path) if isinstance(key, str)]
    last, before = (["", "", *keys])[-1], (["", "", *keys])[-2]
    if last in ("S", "s", "Value", "StringValue", "value"):  # a text of DynamoDB, an attribute
        last, before = before, ""
    return message_fields.is_token_name(last) or message_fields.is_token_name(before + last)


def _may_be_token(text: str) -> bool:
    if not _TOKEN.fullmatch(text):
        return False
    try:
        task_tokens.check(text, "")
    except Unreadable:
        return False
    return True
