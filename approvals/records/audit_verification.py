"""Verifies the audit trail: reads chains again in one ordered pass, and names each breach.

The pass reads a few thousand events at a time by the unique index of (chain, seq), so that it needs the
same memory whatever the number of events, holds no transaction open, and can be resumed after any chain.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from json.encoder import encode_basestring as quoted
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from approvals.records.audit import GENESIS

EVENTS_AT_ONCE, REVIEWS_AT_ONCE = 2_000, 10_000
_LAST_SEQ = 2**31 - 1  # of the column's type
_COLUMNS = """
    SELECT chain, seq, format, kind, actor_id, actor_name, on_behalf_of_id, surface, data, at,
        prev_hash, hash
    FROM approvals_auditevent
"""
_EVENTS = f"{_COLUMNS} WHERE (chain, seq) > (%s, %s) ORDER BY chain, seq LIMIT %s"
_OF_CHAIN = f"{_COLUMNS} WHERE chain = %s AND seq > %s ORDER BY seq LIMIT %s"
_UNRECORDED = """
    WITH part AS (SELECT id FROM approvals_reviewtask WHERE id > %s ORDER BY id LIMIT %s)
    SELECT (SELECT id FROM part ORDER BY id DESC LIMIT 1), ARRAY(
        SELECT 'review:' || part.id FROM part WHERE NOT EXISTS (
            SELECT FROM approvals_auditevent WHERE chain = 'review:' || part.id
        ) ORDER BY part.id
    )
"""
_compact = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True)
class Breach:
    """A place at which a chain is broken: an event is missing or was changed."""

    chain: str
    seq: int
    what: str


class Stored(NamedTuple):
    """An event as it is stored; `data` is its JSON text."""

    chain: str
    seq: int
    format: int
    kind: str
    actor: UUID | None
    actor_name: str
    on_behalf_of: UUID | None
    surface: str
    data: str
    at: datetime
    prev_hash: bytes
    hash: bytes


@dataclass
class Verification:
    """One pass over all chains, by name; iterating over it yields the breaches as they are found.

    `after` resumes behind a chain, and `stop` ends the pass behind the current one. `verified` counts
    chains; `resume_after` is the last chain that was read to its end.
    """

    after: str = ""
    stop: threading.Event = field(default_factory=threading.Event)
    verified: int = 0
    resume_after: str = ""

    def __iter__(self) -> Iterator[Breach]:
        """The breaches of stored chains, then the chains that reviews should have but do not."""
        self.resume_after = self.after
        chain, previous, expected = "", GENESIS, 1
        for event in _events(self.after):
            if event.chain != chain:
                if self._has_ended(chain):
                    return
                chain, previous, expected = event.chain, GENESIS, 1
            yield from _breaches(event, previous, expected)
            previous, expected = event.hash, event.seq + 1
        self._has_ended(chain)
        for unrecorded in _unrecorded():
            if self.stop.is_set():
                return
            self.verified += 1
            yield _empty(unrecorded)

    def _has_ended(self, chain: str) -> bool:
        """Count a chain that was read to its end; whether the pass ends here too."""
        if not chain:
            return False
        self.verified += 1
        self.resume_after = chain
        return self.stop.is_set()


def verify(chain: str) -> list[Breach]:
    """Read a chain again and hash every stored column; returns its breaches, none for an intact chain."""
    breaches: list[Breach] = []
    previous, expected = GENESIS, 1
    for event in _events_of(chain):
        breaches += _breaches(event, previous, expected)
        previous, expected = event.hash, event.seq + 1
    return [_empty(chain)] if expected == 1 else breaches


def _breaches(event: Stored, previous: bytes, expected: int) -> list[Breach]:
    """What is wrong with an event that should be number `expected`, after one with the hash `previous`."""
    found = []
    if event.seq != expected:
        found.append((expected, f"missing: the next event is #{event.seq}"))
    if event.prev_hash != previous:
        found.append((event.seq, "does not follow from the event before it"))
    if event.hash != _digest(event):
        found.append((event.seq, "its content does not match its hash"))
    return [Breach(event.chain, seq, what) for seq, what in found]


def _empty(chain: str) -> Breach:
    return Breach(chain, 1, "missing: the chain is empty")


def _events(after: str) -> Iterator[Stored]:
    """All events behind a chain, by chain and number."""
    chain, seq = after, _LAST_SEQ if after else 0
    while found := _read(_EVENTS, chain, seq):
        yield from found
        chain, seq = found[-1].chain, found[-1].seq


def _events_of(chain: str) -> Iterator[Stored]:
    seq = 0
    while found := _read(_OF_CHAIN, chain, seq):
        yield from found
        seq = found[-1].seq


def _read(query: str, chain: str, seq: int) -> list[Stored]:
    with connection.cursor() as cursor:
        cursor.execute(query, [chain, seq, EVENTS_AT_ONCE])
        return [Stored._make((*row[:10], bytes(row[10]), bytes(row[11]))) for row in cursor]


def _unrecorded() -> Iterator[str]:
    """The chains that reviews should have but do not."""
    last: UUID | None = UUID(int=0)
    while last is not None:
        with connection.cursor() as cursor:
            cursor.execute(_UNRECORDED, [last, REVIEWS_AT_ONCE])
            last, chains = cursor.fetchone() or (None, [])
        yield from chains


def _digest(event: Stored) -> bytes:
    """The hash that an event of this content must have: SHA-256 over the last one and compact, sorted JSON."""
    data = "{}" if event.data == "{}" else _compact(json.loads(event.data))
    at = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    content = (
        f'{{"actor":{_identity(event.actor)},"actor_name":{quoted(event.actor_name)},"at":"{at}",'
        f'"chain":{quoted(event.chain)},"data":{data},"format":{event.format},'
        f'"kind":{quoted(event.kind)},"on_behalf_of":{_identity(event.on_behalf_of)},'
        f'"seq":{event.seq},"surface":{quoted(event.surface)}}}'
    )
    return hashlib.sha256(event.prev_hash + content.encode()).digest()


def _identity(row: UUID | None) -> str:
    return f'"{row}"' if row else "null"
