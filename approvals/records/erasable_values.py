"""Values of audit events that may have to be erased one day, while the chain of the event goes on verifying.

From format 2 on the hash of an event covers such a value by its digest alone: SHA-256 over 16 random bytes,
its salt, and the value as compact JSON. The salts stand in the event's row, beside the values. Who
erases a value puts ERASED in its place, and its digest in the place of its salt: the event keeps its hash,
and without the salt nobody finds the value by trying. Any other change of a value or a salt shows.

`salts` holds an entry for each value, in the order of `names`: SALT and the 16 bytes of a salt, or
DIGEST and the 32 bytes of an erased value's digest.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from approvals.records.compact_json import encoded

ACTOR = "actor_name"
# By format, the names in `data` whose values may be about people or are what people wrote. Digests of rows
# are among them: a row holds the same values. A name is added with a new format only: events of a
# format are verified by its names.
ERASABLE: Mapping[int, frozenset[str]] = {
    2: frozenset(
        (
            "claim_ended_of",
            "claim_of",
            "decision_sha256",
            "email",
            "filters",
            "held_by",
            "mentioned",
            "overridden",
            "query",
            "reason",
            "taken_from",
            "text",
            "to",
            "vote_sha256",
        )
    )
}
ERASED = "[erased]"
SALT, DIGEST = b"\x01", b"\x02"
SALT_BYTES, DIGEST_BYTES = 16, 32


class Event(Protocol):
    """What of an event tells which values of it are covered by their digests."""

    @property
    def format(self) -> int: ...
    @property
    def actor_id(self) -> UUID | str | None: ...
    @property
    def actor_name(self) -> str: ...
    @property
    def salts(self) -> bytes | memoryview: ...


class Erased(NamedTuple):
    """The columns of an event of which values were erased."""

    actor_name: str
    data: dict[str, Any]
    salts: bytes


def names(event: Event, data: Any) -> list[str]:
    """The values of an event that have a salt, in the order of their salts: a user's name, then those of `data`.

    An empty value has none: there is nothing to erase.
    """
    erasable = ERASABLE.get(event.format)
    if erasable is None:
        return []
    found = []
    if isinstance(data, dict) and not erasable.isdisjoint(data):
        found = sorted([name for name in erasable.intersection(data) if data[name]])
    return [ACTOR, *found] if event.actor_id and event.actor_name else found


def new_salts(event: Event, data: Any) -> bytes:
    """Salts for the values of an event that is about to be recorded."""
    count = len(names(event, data))
    drawn = secrets.token_bytes(SALT_BYTES * count) if count else b""
    return b"".join(
        SALT + drawn[first : first + SALT_BYTES] for first in range(0, len(drawn), SALT_BYTES)
    )


def digests(event: Event, data: Any) -> dict[str, str]:
    """The digests of an event's erasable values in hexadecimal, by name, in the order of `names`.

    Raises ValueError where salts and values do not belong together: one is missing or left over, or a
    value stands where the salts say that it was erased.
    """
    salts, end, found = bytes(event.salts), 0, {}
    for name in names(event, data):
        value = event.actor_name if name == ACTOR else data[name]
        mark, first = salts[end : end + 1], end + 1
        if mark == SALT:
            end = first + SALT_BYTES
            found[name] = sha256(salts[first:end] + encoded(value)).hexdigest()
        elif mark == DIGEST and value == ERASED:
            end = first + DIGEST_BYTES
            found[name] = salts[first:end].hex()
        else:
            raise ValueError(f"no salt for {name}")
    if end != len(salts):
        raise ValueError("salts of another length than their values need")
    return found


def _entries(event: Event, data: Any) -> dict[str, bytes]:
    """The entries of `salts`, by name. Raises ValueError as `digests` does."""
    salts, end, found = bytes(event.salts), 0, {}
    for name in digests(event, data):
        first = end
        end += 1 + (SALT_BYTES if salts[first : first + 1] == SALT else DIGEST_BYTES)
        found[name] = salts[first:end]
    return found


def erased_names(event: Event, data: Any) -> frozenset[str]:
    """The names of the values of an event that were erased; none for salts that do not belong to it."""
    try:
        entries = _entries(event, data)
    except ValueError:
        return frozenset()
    return frozenset(name for name, entry in entries.items() if entry[:1] == DIGEST)


def erased(event: Event, data: dict[str, Any], wanted: Collection[str]) -> Erased:
    """The columns of an event once these values, of those that `names` lists, are erased; its hash stays.

    Raises ValueError for a value that is not erasable, or salts that do not belong to the event.
    """
    entries, hexes = _entries(event, data), digests(event, data)
    if unknown := set(wanted) - set(entries):
        raise ValueError(f"not erasable in this event: {', '.join(sorted(unknown))}")
    salts = b"".join(
        DIGEST + bytes.fromhex(hexes[name]) if name in wanted else entry
        for name, entry in entries.items()
    )
    name = ERASED if ACTOR in wanted else event.actor_name
    return Erased(name, data | dict.fromkeys(set(wanted) - {ACTOR}, ERASED), salts)
