"""Verifies the audit trail: reads chains again in one ordered pass, and names each breach.

The pass reads a few thousand events at a time by the unique index of (chain, seq), so that it needs the
same memory whatever the number of events, holds no transaction open, and can be resumed after any chain.
The chains of some hundred reviews at a time are compared with the rows that they are about. A review that
changes meanwhile looks changed: it is read and compared again under its lock, under which all changes are.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection, transaction

from approvals.records import audited_rows, event_digests, statements
from approvals.records.audit import GENESIS
from approvals.records.audited_rows import Replay

EVENTS_AT_ONCE, CHAINS_AT_ONCE, REVIEWS_AT_ONCE = 2_000, 400, 10_000
WRITTEN_TIME = len("2026-11-29 17:22:16.123456+00")
_LAST_SEQ = 2**31 - 1  # of the column's type
_COLUMNS = """
    SELECT chain, seq, format, kind, actor_id::text, actor_name, on_behalf_of_id::text, surface,
        data::text, at::text, prev_hash, hash, salts
    FROM approvals_auditevent
"""
_EVENTS = f"{_COLUMNS} WHERE (chain, seq) > (%s, %s) ORDER BY chain, seq LIMIT %s"
_OF_CHAIN = f"{_COLUMNS} WHERE chain = %s AND seq > %s ORDER BY seq LIMIT %s"
_UNRECORDED = """
    WITH part AS (SELECT id FROM approvals_reviewtask WHERE id > %s ORDER BY id LIMIT %s)
    SELECT (SELECT id FROM part ORDER BY id DESC LIMIT 1), ARRAY(
        SELECT ARRAY['review:' || part.id] FROM part WHERE NOT EXISTS (
            SELECT FROM approvals_auditevent WHERE chain = 'review:' || part.id
        ) ORDER BY part.id
    )
"""
# An undone decision without an event: no chain leads to it, and no index by its review.
_UNDONE_WITHOUT_EVENT = """
    WITH part AS (
        SELECT id, review_id, undone_at FROM approvals_decision WHERE id > %s ORDER BY id LIMIT %s
    )
    SELECT (SELECT id FROM part ORDER BY id DESC LIMIT 1), ARRAY(
        SELECT ARRAY['review:' || part.review_id, part.id::text] FROM part
        WHERE part.undone_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM approvals_auditevent WHERE chain = 'review:' || part.review_id
                AND kind = 'decision.undone' AND data->>'decision' = part.id::text
        ) ORDER BY part.id
    )
"""
_LOCK = "SELECT FROM approvals_reviewtask WHERE id = %s FOR SHARE"


@dataclass(frozen=True)
class Breach:
    """A place at which a chain is broken: an event is missing or was changed."""

    chain: str
    seq: int
    what: str


class Stored(NamedTuple):
    """An event as it is stored; ids are texts, `data` is its JSON text, and `content` that parsed.

    `time` is the text of `at` as hashes cover it, or empty.
    """

    chain: str
    seq: int
    format: int
    kind: str
    actor_id: str | None
    actor_name: str
    on_behalf_of_id: str | None
    surface: str
    data: str
    at: datetime
    prev_hash: bytes
    hash: bytes
    salts: bytes
    content: Any
    time: str

    @classmethod
    def read(cls, row: statements.Row) -> Stored:
        """The event of a row of these columns."""
        text = row[9]
        at = datetime.fromisoformat(text)
        # As PostgreSQL writes a time in UTC whose last digit is not 0: making the text again takes longer.
        whole = len(text) == WRITTEN_TIME and text.endswith("+00")
        time = f"{text[:10]}T{text[11:]}:00" if whole else ""
        return cls._make((*row[:9], at, *row[10:], _parsed(row[8]), time))


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
        """The breaches of stored chains and their rows, then rows whose events are missing altogether."""
        self.resume_after = self.after
        replays: list[Replay] = []
        previous, expected = GENESIS, 1
        for event in _events(self.after):
            if not replays or event.chain != replays[-1].chain:
                if replays and (self.stop.is_set() or len(replays) >= CHAINS_AT_ONCE):
                    yield from self._end(replays)
                    replays = []
                    if self.stop.is_set():
                        return
                replays.append(Replay.of(event.chain))
                previous, expected = GENESIS, 1
            yield from _breaches(event, previous, expected)
            replays[-1].take(event)
            previous, expected = event.hash, event.seq + 1
        yield from self._end(replays)
        yield from self._without_events()

    def _end(self, replays: Sequence[Replay]) -> Iterator[Breach]:
        """Compare chains that were read to their end with their rows, and count them."""
        if replays:
            yield from _of_rows(replays)
            self.verified += len(replays)
            self.resume_after = replays[-1].chain

    def _without_events(self) -> Iterator[Breach]:
        for (chain,) in _parts(_UNRECORDED):
            if self.stop.is_set():
                return
            self.verified += 1
            yield _empty(chain)
        for chain, decision in _parts(_UNDONE_WITHOUT_EVENT):
            if self.stop.is_set():
                return
            yield Breach(chain, 1, f"no event says that the decision {decision} was undone")


def verify(chain: str) -> list[Breach]:
    """Read a chain again, hash every stored column, and compare it with its rows; returns its breaches."""
    breaches, replay = _read_chain(chain)
    return breaches + list(_of_rows([replay])) if replay.seq else [_empty(chain)]


def _read_chain(chain: str) -> tuple[list[Breach], Replay]:
    breaches: list[Breach] = []
    replay = Replay.of(chain)
    previous, expected = GENESIS, 1
    for event in _events_of(chain):
        breaches += _breaches(event, previous, expected)
        replay.take(event)
        previous, expected = event.hash, event.seq + 1
    return breaches, replay


def _of_rows(replays: Sequence[Replay]) -> Iterator[Breach]:
    """What in the rows of chains differs from their events, also when nobody is changing them."""
    suspects = audited_rows.differences(replays)
    for chain in suspects:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(_LOCK, [chain.partition(":")[2]])
            _, replay = _read_chain(chain)
            found = audited_rows.differences([replay]).get(chain, [])
        for difference in found:
            yield Breach(chain, difference.seq, difference.what)


def _breaches(event: Stored, previous: bytes, expected: int) -> list[Breach]:
    """What is wrong with an event that should be number `expected`, after one with the hash `previous`."""
    found = []
    if event.seq != expected:
        found.append((expected, f"missing: the next event is #{event.seq}"))
    if event.prev_hash != previous:
        found.append((event.seq, "does not follow from the event before it"))
    # orjson has read a whole number of more than 64 bits as a float
    if not (event_digests.fits(event, event.content, event.time) or _fits(event)):
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
    rows = statements.all_rows(query, [chain, seq, EVENTS_AT_ONCE])
    return [Stored.read(row) for row in rows]


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # nested deeper than it reads
        return json.loads(text)


def _parts(query: str) -> Iterator[list[str]]:
    """The rows that a query finds in a table that it goes through in parts, by id."""
    last: UUID | None = UUID(int=0)
    while last is not None:
        with connection.cursor() as cursor:
            cursor.execute(query, [last, REVIEWS_AT_ONCE])
            last, found = cursor.fetchone() or (None, [])
        yield from found


def _fits(event: Stored) -> bool:
    """Whether an event has the hash that its content, read by Python's own parser, must have."""
    return event_digests.fits(event, json.loads(event.data))
