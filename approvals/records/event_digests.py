"""The hash of an audit event, as it is computed when the event is recorded and when it is verified."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from json.encoder import encode_basestring as quoted
from typing import Any, Protocol
from uuid import UUID

import orjson

_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


def compact(value: Any) -> str:
    """Compact JSON with sorted keys, of the values that `data` may hold.

    orjson writes the same text in a tenth of the time; what it refuses, such as a number of more than
    64 bits, Python's encoder writes.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError:
        return _encode(value)


class Content(Protocol):
    """What of an event its hash covers, beside `data`."""

    @property
    def format(self) -> int: ...
    @property
    def chain(self) -> str: ...
    @property
    def seq(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def actor_id(self) -> UUID | str | None: ...
    @property
    def actor_name(self) -> str: ...
    @property
    def on_behalf_of_id(self) -> UUID | str | None: ...
    @property
    def surface(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def prev_hash(self) -> bytes | memoryview: ...


def digest(event: Content, data: str) -> bytes:
    """SHA-256 over the hash of the event before, and this event as compact JSON with sorted keys.

    `data` is that of the event, as `compact` writes it. The rest is put together here rather than
    encoded, which takes a third of the time.
    """
    time = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    content = (
        f'{{"actor":{_identity(event.actor_id)},"actor_name":{quoted(event.actor_name)},"at":"{time}",'
        f'"chain":{quoted(event.chain)},"data":{data},"format":{event.format},'
        f'"kind":{quoted(event.kind)},"on_behalf_of":{_identity(event.on_behalf_of_id)},'
        f'"seq":{event.seq},"surface":{quoted(event.surface)}}}'
    )
    return hashlib.sha256(bytes(event.prev_hash) + content.encode()).digest()


def _identity(row: UUID | str | None) -> str:
    return f'"{row}"' if row else "null"
