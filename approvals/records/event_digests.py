"""The hash of an audit event, as it is computed when the event is recorded and when it is verified."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from json.encoder import encode_basestring as quoted
from typing import Any, Protocol
from uuid import UUID

from approvals.records import compact_json, erasable_values


class Content(erasable_values.Event, Protocol):
    """An event's hash, and what it covers, beside `data`."""

    @property
    def chain(self) -> str: ...
    @property
    def seq(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def on_behalf_of_id(self) -> UUID | str | None: ...
    @property
    def surface(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def prev_hash(self) -> bytes | memoryview: ...
    @property
    def hash(self) -> bytes | memoryview: ...


def digest(event: Content, data: Any, time: str = "") -> bytes:
    """SHA-256 over the hash of the event before, and this event as compact JSON with sorted keys.

    `data` is that of the event, parsed. From format 2 on, digests stand in the place of values that may have
    to be erased. `time` is what `written` makes of the event's, where the caller has it already.
    Raises ValueError where the event's salts do not belong to its values.

    The rest is put together here rather than encoded, which takes a third of the time.
    """
    name = event.actor_name
    if event.format != 1:
        digests = erasable_values.digests(event, data)
        name = digests.pop(erasable_values.ACTOR, name)
        data = data | digests if digests else data
    content = (
        f'{{"actor":{_identity(event.actor_id)},"actor_name":{quoted(name)},"at":"{time or written(event.at)}",'
        f'"chain":{quoted(event.chain)},"data":{compact_json.compact(data)},"format":{event.format},'
        f'"kind":{quoted(event.kind)},"on_behalf_of":{_identity(event.on_behalf_of_id)},'
        f'"seq":{event.seq},"surface":{quoted(event.surface)}}}'
    )
    return hashlib.sha256(bytes(event.prev_hash) + content.encode()).digest()


def written(at: datetime) -> str:
    """A time as hashes cover it: in UTC, with all six digits of its microseconds."""
    at = at if at.tzinfo is UTC else at.astimezone(UTC)
    return at.isoformat(timespec="microseconds")


def fits(event: Content, data: Any, time: str = "") -> bool:
    """Whether an event has the hash that its content must have; the arguments are those of `digest`."""
    try:
        return bytes(event.hash) == digest(event, data, time)
    except ValueError:
        return False


def _identity(row: UUID | str | None) -> str:
    return f'"{row}"' if row else "null"
