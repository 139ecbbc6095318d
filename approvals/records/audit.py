"""The audit trail: appends events to hash-linked chains, one chain a row.

The lock of a chain is the lock of its row, which the transaction holds. Without it, the unique constraint
on (chain, seq) refuses a fork.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from django.db.models import Model

from approvals.actors import Actor, ensure_actor
from approvals.models import (
    AuditEvent,
    BatchExecution,
    BulkJob,
    OrderBatch,
    OrderExecution,
    QuarantinedMessage,
    ReviewQueue,
    ReviewTask,
    User,
    WebhookSecret,
)
from approvals.records import (
    erasable_values,
    event_digests,
    live_hints,
    statements,
    unit_of_work,
)
from approvals.records.audit_kinds import AuditKind
from approvals.records.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

FORMAT = 2
GENESIS = bytes(32)


class Chained(NamedTuple):
    """How a model's rows are named: chain `order:0199...` (`noun`), log `order=A-17` (`key`, `attribute`)."""

    noun: str
    key: str
    attribute: str = "pk"


CHAINED: Mapping[type[Model], Chained] = {
    ReviewTask: Chained("review", "review"),
    OrderExecution: Chained("order", "order", "order_id"),
    OrderBatch: Chained("batch", "batch"),
    BatchExecution: Chained("batch-execution", "batch_execution", "name"),
    BulkJob: Chained("bulk", "bulk_job"),
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


def chain_of(kind: str, row: UUID | str) -> str:
    """The name of a row's chain, such as `review:0199...`."""
    return f"{kind}:{row}"


def chain(row: Model) -> str:
    """The name of the chain on which events about this row are recorded."""
    return chain_of(CHAINED[type(row)].noun, row.pk)


@dataclass
class ChainEnd:
    """The end of the chain of a locked row: its last event, and the time of the next ones.

    `now` is the database's time after the lock was taken. `seq` is 0 for a chain without events.
    """

    row: Model
    now: datetime
    seq: int = 0
    hash: bytes = GENESIS

    @classmethod
    def read(cls, row: Model, now: datetime, seq: int | None, last: bytes | None) -> ChainEnd:
        """The end of a row's chain, of what LAST_EVENT has returned beside the time."""
        return cls(row, now, seq or 0, bytes(last or GENESIS))


_LAST = "(SELECT seq, hash FROM approvals_auditevent WHERE chain = {} ORDER BY seq DESC LIMIT 1)"
LAST_EVENT = _LAST.format("%s")  # of a chain; takes its name. No row for a chain without events.
_END = f"SELECT statement_timestamp(), e.seq, e.hash FROM (SELECT) one LEFT JOIN {LAST_EVENT} e ON true"  # noqa: S608
_ENDS = f"""
SELECT c.name, statement_timestamp(), e.seq, e.hash
FROM unnest(%s::text[]) c (name) LEFT JOIN LATERAL {_LAST.format("c.name")} e ON true ORDER BY c.name
"""  # noqa: S608


def end_of(row: Model) -> ChainEnd:
    """The end of the chain of a row whose lock the caller holds, read in one statement."""
    return ChainEnd.read(row, *statements.one_row(_END, [chain(row)]))


def record(
    work: UnitOfWork,
    end: ChainEnd,
    kind: AuditKind,
    *,
    by: Actor,
    data: Mapping[str, Any] | None = None,
    **logged: Any,
) -> AuditEvent:
    """Add the next event of a chain to the unit of work, which logs its kind when it has written it.

    Open pages of the desk are told of events about reviews after the commit.
    The log line has the row, the actor and `logged`, but not `data`, which may hold text that people
    wrote. Raises TypeError if `by` is no Actor, or if `data` would not come back equal from the database.
    """
    event = _event(chain(end.row), end.seq, end.hash, Entry(kind, by, data or {}), end.now)
    work.insert(event)
    work.afterwards(partial(log_event, end.row, kind, by=by, **logged))
    if isinstance(end.row, ReviewTask):
        live_hints.after_commit(*filter(None, (end.row.queue_id, end.row.escalated_to_id)))
    end.seq, end.hash = event.seq, bytes(event.hash)
    return event


def log_event(row: Model, kind: AuditKind, *, by: Actor, **logged: Any) -> None:
    """Log that an event about `row` was recorded."""
    _, key, attribute = CHAINED[type(row)]
    names = {key: str(getattr(row, attribute)), "by": by.name, "surface": str(by.surface)}
    log.info(str(kind), **names | logged)


def open_chains(entries: Mapping[str, Entry], at: datetime) -> None:
    """Write the first event of each of many new chains, with one statement; `at` is the database's time."""
    unit_of_work.insert_all(
        [_event(chain, 0, GENESIS, entry, at) for chain, entry in sorted(entries.items())]
    )


def append(entries: Mapping[str, Entry]) -> None:
    """Append one event to each of many chains, with two statements; the caller holds the locks of all rows."""
    ends = statements.all_rows(_ENDS, [list(entries)])
    unit_of_work.insert_all(
        [
            _event(chain, seq or 0, last or GENESIS, entries[chain], at)
            for chain, at, seq, last in ends
        ]
    )


def _event(chain: str, seq: int, last: bytes, entry: Entry, at: datetime) -> AuditEvent:
    """The event after number `seq`, whose hash is `last`."""
    ensure_actor(entry.by)
    _check(entry.data)
    event = AuditEvent(
        chain=chain,
        seq=seq + 1,
        format=FORMAT,
        kind=str(entry.kind),
        actor=entry.by.user,
        actor_name=entry.by.name,
        on_behalf_of=entry.by.on_behalf_of,
        surface=str(entry.by.surface),
        data=dict(entry.data),
        at=at,
        prev_hash=last,
    )
    event.salts = erasable_values.new_salts(event, event.data)
    event.hash = digest_of(event)
    return event


def digest_of(event: AuditEvent) -> bytes:
    """The hash that an event of this content must have."""
    return event_digests.digest(event, event.data)


def _check(value: Any) -> None:
    """Raise TypeError for values that jsonb changes, such as floats: their hash would not match later."""
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
