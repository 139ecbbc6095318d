"""A queue's map of JSON paths: where its senders put the token, the reference, the title and so on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from approvals.untrusted import json_paths
from approvals.untrusted.json_paths import Path
from approvals.untrusted.message_fields import TOKEN

# What a map may name, and the field that it stands for.
FIELD_OF = {
    "token": TOKEN,
    "reference": "orderId",
    "title": "title",
    "deadline": "timeoutSeconds",
    "execution": "executionArn",
}


@dataclass(frozen=True)
class MessageMap:
    """The paths of a map, by field, each with its text."""

    paths: Mapping[str, tuple[str, Path]]

    def values(self, document: Any) -> dict[str, tuple[str, Any]]:
        """The values at the paths, by field, each with the text of its path; without what is not there."""
        found = {
            field: (text, json_paths.value_at(document, path))
            for field, (text, path) in self.paths.items()
        }
        return {field: pair for field, pair in found.items() if pair[1] is not None}

    def token_path(self) -> str:
        """The path of the token; empty if the map names none."""
        return self.paths[TOKEN][0] if TOKEN in self.paths else ""


def read(stored: Any) -> MessageMap:
    """The map in a queue's setting. Raises ValueError for a name or a path that cannot be used."""
    if not isinstance(stored, dict):
        raise ValueError("A map is an object of names and JSON paths.")  # noqa: TRY004  (a setting's value)
    paths = {}
    for name, path in stored.items():
        if name not in FIELD_OF:
            known = ", ".join(FIELD_OF)
            raise ValueError(f"No field {str(name)[:40]!r}: a map may name {known}.")
        if not isinstance(path, str):
            raise ValueError(f"The path of {name} is no text.")  # noqa: TRY004
        paths[FIELD_OF[name]] = (path, json_paths.parse(path))
    return MessageMap(paths)


NO_MAP = MessageMap({})
