"""Compares the rows of a review with its audit events: its status, its decisions and its votes.

The events of a review are replayed, and what they say about rows is compared with the rows. An event of
this release holds a digest of its vote and its decision; of one from an earlier release, its fields are
compared, and times with some tolerance.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from django.db import connection

from approvals.records import outcome_digests

STATUS_AFTER = {
    "review.received": "pending",
    "review.approved": "approved",
    "review.rejected": "rejected",
    "decision.undone": "pending",
    "review.expired": "expired",
    "review.orphaned": "orphaned",
    "review.superseded": "superseded",
    "review.unproved": "unproved",
    "review.closed_unproved": "expired",
}
TELLING = {*STATUS_AFTER, "vote.cast"}
TOLERANCE = timedelta(minutes=1)  # between the clocks that earlier releases read

_REVIEWS = "SELECT id, status, decision_id FROM approvals_reviewtask WHERE id = ANY(%s)"
_VOTES = """
    SELECT id, review_id, outcome, reason_code, reason, edits, surface, signed_in, withdrawn_at,
        reviewer_id, on_behalf_of_id, cast_at
    FROM approvals_vote WHERE review_id = ANY(%s)
"""
# Undone decisions are in no index by review: those that events name are found by their id.
_DECISIONS = """
    SELECT id, review_id, outcome, reason_code, reason, edits, surface, signed_in, undone_at,
        by_id, decided_at, undo_until, callback
    FROM approvals_decision WHERE id = ANY(%s)
    UNION
    SELECT id, review_id, outcome, reason_code, reason, edits, surface, signed_in, undone_at,
        by_id, decided_at, undo_until, callback
    FROM approvals_decision WHERE review_id = ANY(%s) AND undone_at IS NULL
"""


class Event(Protocol):
    """What is read of an audit event."""

    @property
    def seq(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def actor_id(self) -> UUID | None: ...
    @property
    def surface(self) -> str: ...
    @property
    def data(self) -> str: ...
    @property
    def at(self) -> datetime: ...


class Vote(NamedTuple):
    """A stored vote."""

    id: UUID
    review_id: UUID
    outcome: str
    reason_code: str
    reason: str
    edits: Any
    surface: str
    signed_in: str
    ended_at: datetime | None
    reviewer_id: UUID
    on_behalf_of_id: UUID | None
    cast_at: datetime

    def differences(self, recorded: Recorded) -> Iterator[str]:
        """The columns that are not as the event of the vote says."""
        yield from _common(self, recorded)
        yield from _differing("reviewer", self.reviewer_id, recorded.actor)
        yield from _differing("cast_at", self.cast_at, recorded.at)
        digest = recorded.data.get("vote_sha256")
        if digest is not None and digest != outcome_digests.of_vote(self):
            yield "its digest"


class Decision(NamedTuple):
    """A stored decision."""

    id: UUID
    review_id: UUID
    outcome: str
    reason_code: str
    reason: str
    edits: Any
    surface: str
    signed_in: str
    ended_at: datetime | None
    by_id: UUID | None
    decided_at: datetime
    undo_until: datetime
    callback: bytes

    def differences(self, recorded: Recorded) -> Iterator[str]:
        """The columns that are not as the event of the decision says."""
        yield from _common(self, recorded)
        yield from _differing("by", self.by_id, recorded.actor)
        yield from _differing("decided_at", self.decided_at, recorded.at)
        if until := recorded.data.get("undo_until"):
            yield from _differing("undo_until", self.undo_until, datetime.fromisoformat(until))
        digest = recorded.data.get("decision_sha256")
        if digest is not None and digest != outcome_digests.of_decision(self):
            yield "its digest"


class Recorded(NamedTuple):
    """What an event records of a vote or a decision."""

    seq: int
    review: UUID
    actor: UUID | None
    surface: str
    data: dict[str, Any]
    at: datetime


@dataclass
class Replay:
    """What the events of a chain say about the rows of its review; None for the chain of another row."""

    chain: str
    review: UUID | None
    seq: int = 0
    status: str = "pending"
    decision: UUID | None = None
    decisions: dict[UUID, Recorded] = field(default_factory=dict)
    votes: dict[UUID, Recorded] = field(default_factory=dict)
    ended: dict[UUID, datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, chain: str) -> Replay:
        """A replay that has seen no event of this chain."""
        noun, _, row = chain.partition(":")
        try:
            return cls(chain, UUID(row) if noun == "review" else None)
        except ValueError:
            return cls(chain, None)

    def take(self, event: Event) -> None:
        """Take the next event of the chain."""
        self.seq = event.seq
        if self.review is None or event.kind not in TELLING:
            return
        self.status = STATUS_AFTER.get(event.kind, self.status)
        data = json.loads(event.data)
        if event.kind == "decision.undone":
            self._undo(event.at)
            return
        recorded = Recorded(event.seq, self.review, event.actor_id, event.surface, data, event.at)
        if vote := _identity(data.get("vote")):
            self.votes[vote] = recorded
        if self.status in {"approved", "rejected"}:
            self.decision = _identity(data.get("decision"))
            if self.decision:
                self.decisions[self.decision] = recorded

    def _undo(self, at: datetime) -> None:
        if self.decision:
            self.ended[self.decision] = at
        self.decision = None
        for vote in self.votes:
            self.ended.setdefault(vote, at)


class Difference(NamedTuple):
    """A row that is not as its event says; `seq` is the event's number, or the last one of the chain."""

    seq: int
    what: str


def differences(replays: Sequence[Replay]) -> dict[str, list[Difference]]:
    """What in the rows differs from the events, by chain; chains without a difference are left out."""
    about = {replay.review: replay for replay in replays if replay.review}
    if not about:
        return {}
    reviews = {row[0]: row[1:] for row in _rows(_REVIEWS, list(about))}
    votes: dict[UUID, dict[UUID, Vote]] = {}
    for values in _rows(_VOTES, list(about)):
        vote = Vote._make(_with_edits(values))
        votes.setdefault(vote.review_id, {})[vote.id] = vote
    recorded = [pk for replay in about.values() for pk in replay.decisions]
    decisions: dict[UUID, Decision] = {}
    for values in _rows(_DECISIONS, recorded, list(about)):
        decision = Decision._make((*_with_edits(values)[:-1], bytes(values[-1])))
        decisions[decision.id] = decision
    live: dict[UUID, set[UUID]] = {}
    for decision in decisions.values():
        live.setdefault(decision.review_id, set()).add(decision.id)
    found: dict[str, list[Difference]] = {}
    for review, replay in about.items():
        own = {
            pk: decisions[pk]
            for pk in live.get(review, set()) | set(replay.decisions)
            if pk in decisions
        }
        problems = [
            *_of_review(replay, reviews.get(review)),
            *_of_outcomes(replay, "decision", replay.decisions, own),
            *_of_outcomes(replay, "vote", replay.votes, votes.get(review, {})),
        ]
        if problems:
            found[replay.chain] = problems
    return found


def _of_review(replay: Replay, row: tuple[Any, ...] | None) -> Iterator[Difference]:
    if row is None:
        yield Difference(replay.seq, "the review is missing")
        return
    status, decision = row
    if status != replay.status:
        what = f"the review is {status}, and {replay.status} by its events"
        yield Difference(replay.seq, what)
    if decision != replay.decision:
        yield Difference(
            replay.seq,
            f"the review has the decision {decision}, and {replay.decision} by its events",
        )


def _of_outcomes(
    replay: Replay, noun: str, recorded: dict[UUID, Recorded], rows: Any
) -> Iterator[Difference]:
    for pk, event in recorded.items():
        row = rows.get(pk)
        if row is None:
            yield Difference(event.seq, f"the {noun} {pk} is missing")
            continue
        differing = [*row.differences(event), *_end(row.ended_at, replay.ended.get(pk))]
        if differing:
            what = f"the {noun} {pk} is not as its event says: {', '.join(differing)}"
            yield Difference(event.seq, what)
    for pk in sorted(set(rows) - set(recorded)):
        yield Difference(replay.seq, f"the {noun} {pk} has no event")


def _common(row: Vote | Decision, recorded: Recorded) -> Iterator[str]:
    data = recorded.data
    yield from _differing("review", row.review_id, recorded.review)
    yield from _differing("outcome", row.outcome, data.get("outcome"))
    yield from _differing("reason", row.reason, data.get("reason", ""))
    yield from _differing("reason_code", row.reason_code, data.get("reason_code", ""))
    yield from _differing("surface", row.surface, recorded.surface)


def _end(ended: datetime | None, recorded: datetime | None) -> Iterator[str]:
    if ended != recorded and (
        ended is None or recorded is None or abs(ended - recorded) > TOLERANCE
    ):
        yield "when it was undone"


def _differing(column: str, stored: Any, recorded: Any) -> Iterator[str]:
    if isinstance(stored, datetime):
        if abs(stored - recorded) > TOLERANCE:
            yield column
    elif stored != recorded:
        yield column


def _identity(text: Any) -> UUID | None:
    return UUID(text) if isinstance(text, str) else None


def _with_edits(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values of a row with its edits, which come as JSON text, parsed."""
    edits = values[5]
    return (*values[:5], {} if edits == "{}" else json.loads(edits), *values[6:])


def _rows(query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
