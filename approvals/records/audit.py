"""The audit trail's pen and its checker: append an event to a chain, recompute a chain's hashes.

The chain's lock is its parent row's: whoever records holds that row. The unique (chain, seq) index
refuses a fork where somebody forgot.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, TextField, Value
from django.db.models.functions import Cast, Concat

from approvals.models import AuditEvent, ReviewTask, User
from approvals.records import database_time

FORMAT = 1
GENESIS = bytes(32)
SYSTEM = "system"


@dataclass(frozen=True)
class Entry:
    """An event to be recorded. `data` holds strings, whole numbers, booleans, None, lists, objects."""

    kind: str
    by: User | None
    surface: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Breach:
    """A place where a chain does not hold."""

    chain: str
    seq: int
    what: str


def chain_of(kind: str, row: UUID) -> str:
    """The name of a row's chain, such as `review:0199...`."""
    return f"{kind}:{row}"


def record(
    chain: str, kind: str, *, by: User | None, surface: str, data: Mapping[str, Any] | None = None
) -> AuditEvent:
    """Append one event to `chain`; the caller holds the parent row's lock in its transaction.

    Raises TypeError for data whose JSON would not read back the same from the database.
    """
    last = AuditEvent.objects.filter(chain=chain).order_by("-seq").first()
    event = _event(chain, last, Entry(kind, by, surface, data or {}), database_time.now())
    event.save(force_insert=True)
    return event


def open_chains(entries: Mapping[str, Entry]) -> None:
    """Write the first event of many new chains with one statement."""
    at = database_time.now()
    AuditEvent.objects.bulk_create(
        _event(chain, None, entry, at) for chain, entry in sorted(entries.items())
    )


def append(entries: Mapping[str, Entry]) -> None:
    """Append one event to each of many chains, with two statements; the caller holds every parent's lock."""
    at = database_time.now()
    latest = AuditEvent.objects.filter(chain__in=list(entries)).order_by("chain", "-seq")
    last = {event.chain: event for event in latest.distinct("chain")}
    AuditEvent.objects.bulk_create(
        _event(chain, last.get(chain), entry, at) for chain, entry in sorted(entries.items())
    )


def verify(chain: str) -> list[Breach]:
    """Re-read a chain from the database and re-hash every stored column; an empty list is a whole chain."""
    breaches: list[Breach] = []
    previous, expected = GENESIS, 1
    for event in AuditEvent.objects.filter(chain=chain).order_by("seq").iterator():
        if event.seq != expected:
            breaches.append(Breach(chain, expected, f"missing: the next event is #{event.seq}"))
        if bytes(event.prev_hash) != previous:
            breaches.append(Breach(chain, event.seq, "does not follow from the event before it"))
        if bytes(event.hash) != _digest(event):
            breaches.append(Breach(chain, event.seq, "its content does not match its hash"))
        previous, expected = bytes(event.hash), event.seq + 1
    if expected == 1:
        breaches.append(Breach(chain, 1, "missing: the chain is empty"))
    return breaches


def chains() -> Iterator[str]:
    """The name of every chain there is, and of every review that should have one."""
    named = AuditEvent.objects.order_by("chain").values_list("chain", flat=True).distinct()
    yield from named.iterator()
    own = Concat(Value("review:"), Cast("pk", TextField()), output_field=TextField())
    unrecorded = ReviewTask.objects.annotate(own=own).exclude(
        Exists(AuditEvent.objects.filter(chain=OuterRef("own")))
    )
    yield from unrecorded.values_list("own", flat=True).iterator()


def _event(chain: str, last: AuditEvent | None, entry: Entry, at: datetime) -> AuditEvent:
    _check(entry.data)
    event = AuditEvent(
        chain=chain,
        seq=last.seq + 1 if last else 1,
        format=FORMAT,
        kind=entry.kind,
        actor=entry.by,
        actor_name=entry.by.email if entry.by else SYSTEM,
        surface=str(entry.surface),
        data=dict(entry.data),
        at=at,
        prev_hash=bytes(last.hash) if last else GENESIS,
    )
    event.hash = _digest(event)
    return event


def _digest(event: AuditEvent) -> bytes:
    content = {
        "format": event.format,
        "chain": event.chain,
        "seq": event.seq,
        "kind": event.kind,
        "actor": str(event.actor_id) if event.actor_id else None,
        "actor_name": event.actor_name,
        "on_behalf_of": str(event.on_behalf_of_id) if event.on_behalf_of_id else None,
        "surface": event.surface,
        "data": event.data,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
    }
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(bytes(event.prev_hash) + canonical.encode()).digest()


def _check(value: Any) -> None:
    """jsonb rewrites floats and drops what JSON cannot say, so a hash over them would not hold."""
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("audit data needs string keys")
        for inner in value.values():
            _check(inner)
    elif isinstance(value, list):
        for inner in value:
            _check(inner)
    elif value is not None and not isinstance(value, str | int):
        raise TypeError(f"audit data cannot hold a {type(value).__name__}")
