"""The audit trail: appends events to hash-linked chains and verifies them. One chain per row that has one.

A chain's lock is its row's: the caller of `record` holds that row in its transaction. The unique
(chain, seq) constraint refuses a fork where the lock was forgotten.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from django.db.models import Exists, Model, OuterRef, TextField, Value
from django.db.models.functions import Cast, Concat

from approvals.actors import Actor
from approvals.models import (
    AuditEvent,
    BatchExecution,
    OrderBatch,
    OrderExecution,
    QuarantinedMessage,
    ReviewQueue,
    ReviewTask,
    User,
    WebhookSecret,
)
from approvals.records import database_time
from approvals.records.audit_kinds import AuditKind

log = structlog.get_logger(__name__)

FORMAT = 1
GENESIS = bytes(32)


class Chained(NamedTuple):
    """How rows of a model are named: by their chain, and in the log under `key` by their `attribute`."""

    noun: str
    key: str
    attribute: str = "pk"


CHAINED: Mapping[type[Model], Chained] = {
    ReviewTask: Chained("review", "review"),
    OrderExecution: Chained("order", "order", "order_id"),
    OrderBatch: Chained("batch", "batch"),
    BatchExecution: Chained("batch-execution", "batch_execution", "name"),
    QuarantinedMessage: Chained("quarantine", "quarantined"),
    ReviewQueue: Chained("queue", "queue", "slug"),
    User: Chained("user", "user", "email"),
    WebhookSecret: Chained("webhook", "webhook", "name"),
}


@dataclass(frozen=True)
class Entry:
    """An event to be recorded. `data` holds strings, whole numbers, booleans, None, lists, objects."""

    kind: AuditKind
    by: Actor
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Breach:
    """A place where a chain does not hold."""

    chain: str
    seq: int
    what: str


def chain_of(kind: str, row: UUID) -> str:
    """The name of a row's chain, such as `review:0199...`."""
    return f"{kind}:{row}"


def chain(row: Model) -> str:
    """The name of the chain that events about this row are recorded on."""
    return chain_of(CHAINED[type(row)].noun, row.pk)


def record(
    row: Model,
    kind: AuditKind,
    *,
    by: Actor,
    data: Mapping[str, Any] | None = None,
    **logged: Any,
) -> AuditEvent:
    """Append an event to the chain of `row`, whose lock the caller holds, and log its kind.

    The log line names the row, the actor and what `logged` adds; never `data`, which may hold what
    people wrote. Raises TypeError where `by` is no Actor, and for data whose JSON would not read
    back the same from the database.
    """
    name = chain(row)
    last = AuditEvent.objects.filter(chain=name).order_by("-seq").first()
    event = _event(name, last, Entry(kind, by, data or {}), database_time.now())
    event.save(force_insert=True)
    log_event(row, kind, by=by, **logged)
    return event


def log_event(row: Model, kind: AuditKind, *, by: Actor, **logged: Any) -> None:
    """Log that an event about `row` was recorded."""
    _, key, attribute = CHAINED[type(row)]
    names = {key: str(getattr(row, attribute)), "by": by.name, "surface": str(by.surface)}
    log.info(str(kind), **names | logged)


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
    if not isinstance(entry.by, Actor):
        raise TypeError(f"by must be an Actor, not {type(entry.by).__name__}")
    _check(entry.data)
    event = AuditEvent(
        chain=chain,
        seq=last.seq + 1 if last else 1,
        format=FORMAT,
        kind=str(entry.kind),
        actor=entry.by.user,
        actor_name=entry.by.name,
        on_behalf_of=entry.by.on_behalf_of,
        surface=str(entry.by.surface),
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
