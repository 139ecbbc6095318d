"""The names of a message's fields, in every spelling that senders use: taskToken, TaskToken, task_token.

One list for intake, redaction and lint, so that none of them overlooks what another one reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

TOKEN = "taskToken"  # noqa: S105  (a name)
BARE_TOKEN = "token"  # noqa: S105  (a field of many payloads: it counts only where no TOKEN stands)
FIELDS = (
    TOKEN,
    "schemaVersion",
    "orderId",
    "error",
    "executionArn",
    "stateMachineArn",
    "definitionRevision",
    "stateName",
    "enteredTime",
    "retryCount",
    "redriveCount",
    "itemIndex",
    "timeoutSeconds",
    "input",
    "title",
    "priority",
)
LONGEST = 64  # characters of a key that may still be a name; none in FIELDS is half as long
_IGNORED = str.maketrans("", "", "_- ")


def spelling(key: str) -> str:
    """What all spellings of a name have in common: no case, no underscore, hyphen or blank."""
    return key[:LONGEST].translate(_IGNORED).lower()


_BY_SPELLING = {spelling(name): name for name in FIELDS}


def field_of(key: str) -> str:
    """The field of FIELDS that a key names, in whatever spelling; empty for any other key."""
    return _field_of(key) if len(key) <= LONGEST else ""


@lru_cache(
    maxsize=2_048
)  # senders use few names, and each message asks for each key some thirty times
def _field_of(key: str) -> str:
    return _BY_SPELLING.get(spelling(key), "")


def is_token_name(key: str) -> bool:
    """Whether a key is a spelling of taskToken."""
    return key[-5:].lower() == BARE_TOKEN and field_of(key) == TOKEN


def is_bare_token(key: str) -> bool:
    """Whether a key is `token` in any case: Token, TOKEN."""
    return len(key) == len(BARE_TOKEN) and key.lower() == BARE_TOKEN


def standing(document: Mapping[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    """The members of an object that are spellings of a field, the field's own name first."""
    if name in document:
        yield name, document[name]
    for key, value in document.items():
        if key != name and field_of(key) == name:
            yield key, value


def by_field(document: Mapping[str, Any]) -> dict[str, list[tuple[str, Any]]]:
    """The members of an object that are spellings of fields, by field, each as `standing` gives them."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for key, value in document.items():
        if name := field_of(key):
            members = found.setdefault(name, [])
            members.insert(0 if key == name else len(members), (key, value))
    return found


def value_of(document: Mapping[str, Any], name: str) -> Any:
    """The value of a field, the field's own name first; None if no spelling of it stands."""
    return next((value for _, value in standing(document, name)), None)
