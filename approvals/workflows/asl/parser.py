"""Reads a definition's file. What cannot be read is a sentence with its line, never a traceback.

A definition that CloudFormation completes (`DefinitionSubstitutions`) is read as it lies in the
repository: `"${Name}"` stays a text, and a bare `${Name}` where a number will stand becomes one.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from approvals.workflows.asl.states import Definition

LARGEST = 4_194_304  # bytes; AWS takes 1 MiB, and what is a little larger deserves a finding
DEEPEST = 200
_TEXT = r'"(?:[^"\\\n]|\\.)*"'
_BARE = re.compile(rf"({_TEXT})|\$\{{([^{{}}\"\s]+)\}}")


class Unreadable(Exception):
    """The file is no definition; the message is one line for its author."""


def read(path: str | Path) -> Definition:
    """The definition in this file. Raises Unreadable: no such file, not JSON, no state machine."""
    name = str(path)
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise Unreadable(f"{name} cannot be read: {error.strerror or error}") from error
    if len(content) > LARGEST:
        raise Unreadable(f"{name} has {len(content):,} bytes; no definition is that large.")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(f"{name} is not UTF-8: byte {error.start} cannot be read.") from error
    return parse(text, name)


def parse(text: str, name: str) -> Definition:
    """The definition this text holds; `name` is what messages call it. Raises Unreadable."""
    body = _json(text, name)
    if not isinstance(body, dict) or not isinstance(body.get("States"), dict):
        raise Unreadable(f"{name} is not a state machine: it has no object called States.")
    if not body["States"]:
        raise Unreadable(f"{name} is not a state machine: it has no state.")
    _bounded(body, name)
    return Definition(name, len(text.encode()), body)


def _json(text: str, name: str) -> Any:
    # Of the same length, so that a complaint about the rest of the line names the right column.
    same_length = _BARE.sub(lambda found: found[1] or f'"${found[2]}"', text)
    try:
        json.loads(same_length, object_pairs_hook=_unique)
        kept = _BARE.sub(lambda found: found[1] or f'"{found[0]}"', text)
        return json.loads(kept, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Unreadable(f"{name} is not JSON: {error.msg} ({where})") from error
    except _Twice as error:
        raise Unreadable(f"{name} names {error.args[0]!r} twice in one object.") from error
    except RecursionError as error:
        raise Unreadable(f"{name} is nested too deep to be a definition.") from error
    except ValueError as error:  # a number of more digits than Python reads
        raise Unreadable(f"{name} is not JSON: {error}") from error


class _Twice(Exception):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Twice(next(key for key in keys if keys.count(key) > 1))
    return found


def _bounded(value: Any, name: str) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise Unreadable(f"{name} is nested too deep to be a definition.")
