"""Parses the file of a workflow definition; a file that cannot be parsed gives one sentence with its line.

A definition that CloudFormation completes (`DefinitionSubstitutions`) is parsed as it lies in the
repository: `"${Name}"` stays a string, and a bare `${Name}`, as for a number, becomes one.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from approvals.workflows.asl.model import Definition

MAX_BYTES = 4_194_304  # AWS takes 1 MiB; a file that is a little larger deserves a finding instead
MAX_DEPTH = 200
# Possessive, and without its closing quote it ends with its line: a text full of quotes is scanned once.
_STRING = r'"(?:[^"\\\n]++|\\.)*+"?'
_STRING_OR_SUBSTITUTION = re.compile(rf"({_STRING})|\$\{{([^{{}}\"\s]+)\}}")


class UnreadableDefinition(Exception):
    """The file holds no usable definition; the message is one line for its author."""


def read_definition(path: str | Path) -> Definition:
    """Parse the definition in this file.

    Raises UnreadableDefinition: the file is missing or too large, not JSON, or no state machine.
    """
    name = str(path)
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UnreadableDefinition(f"{name} cannot be read: {error.strerror or error}") from error
    if len(content) > MAX_BYTES:
        raise UnreadableDefinition(
            f"{name} has {len(content):,} bytes; no definition is that large."
        )
    try:
        text = content.decode("utf-8-sig")  # Windows editors write a byte order mark
    except UnicodeDecodeError as error:
        raise UnreadableDefinition(
            f"{name} is not UTF-8: byte {error.start} cannot be read."
        ) from error
    return parse_definition(text, name)


def parse_definition(text: str, name: str) -> Definition:
    """Parse the definition in this text; messages call it `name`. Raises UnreadableDefinition."""
    body = _json(text, name)
    if not isinstance(body, dict) or not isinstance(body.get("States"), dict):
        raise UnreadableDefinition(
            f"{name} is not a state machine: it has no object called States."
        )
    if not body["States"]:
        raise UnreadableDefinition(f"{name} is not a state machine: it has no state.")
    _check_depth(body, name)
    return Definition(name, len(text.encode()), body)


def _json(text: str, name: str) -> Any:
    # A stand-in of the same length, so that an error in the rest of the line names the right column.
    same_length = _STRING_OR_SUBSTITUTION.sub(
        lambda match: match[1] or f'"${match[2]}"',
        text,
    )
    try:
        json.loads(same_length, object_pairs_hook=_object_of_unique_keys)
        quoted = _STRING_OR_SUBSTITUTION.sub(lambda match: match[1] or f'"{match[0]}"', text)
        return json.loads(quoted, object_pairs_hook=_object_of_unique_keys)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise UnreadableDefinition(f"{name} is not JSON: {error.msg} ({place})") from error
    except _DuplicateKey as error:
        raise UnreadableDefinition(
            f"{name} names {error.args[0]!r} twice in one object."
        ) from error
    except RecursionError as error:
        raise UnreadableDefinition(f"{name} is nested too deep to be a definition.") from error
    except ValueError as error:  # a number of more digits than Python converts
        raise UnreadableDefinition(f"{name} is not JSON: {error}") from error


class _DuplicateKey(Exception):
    """An object has this key more than once."""


def _object_of_unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    parsed = dict(pairs)
    if len(parsed) < len(pairs):
        raise _DuplicateKey(Counter(key for key, _ in pairs).most_common(1)[0][0])
    return parsed


def _check_depth(value: Any, name: str) -> None:
    """Raises UnreadableDefinition where objects and lists are nested deeper than MAX_DEPTH."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise UnreadableDefinition(f"{name} is nested too deep to be a definition.")
