"""Payloads without the values that their queue calls sensitive: pages show those folded, in one place alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

ROLES_SHOWN = ("amount", "customer")  # of lists and searches, so never folded


def without_sensitive(payload: Any, fields: Any) -> Any:
    """The payload without the values at the paths of a queue's sensitive fields; the original stays as it is."""
    for entry in fields if isinstance(fields, list) else []:
        if not isinstance(entry, dict) or entry.get("role") in ROLES_SHOWN:
            continue
        if entry.get("sensitive") and entry.get("path"):
            payload = _without(payload, str(entry["path"]).split("."))
    return payload


def _without(value: Any, path: Sequence[str]) -> Any:
    """A copy of the value that lacks what `path` leads to; a list keeps its length."""
    key, rest = path[0], path[1:]
    if isinstance(value, dict) and key in value:
        if rest:
            return value | {key: _without(value[key], rest)}
        return {name: inner for name, inner in value.items() if name != key}
    if isinstance(value, list) and key.isdecimal() and len(key) < 10 and int(key) < len(value):
        place = int(key)
        inner = _without(value[place], rest) if rest else None
        return [*value[:place], inner, *value[place + 1 :]]
    return value
