"""Compares the rows of a review with its audit events: its status, its decisions and its votes.

The events of a review are replayed, and what they say about rows is compared with the rows. An event of
this release holds a digest of its vote and its decision; of one from an earlier release, its fields are
compared, and times with some tolerance. A value that was erased in its event is not compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from approvals.records import erasable_values, outcome_digests, statements
from approvals.records.erasable_values import ERASED

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
_NOTHING: frozenset[str] = frozenset()
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TOLERANCE = timedelta(minutes=1)  # between the clocks that earlier releases read

# Ids and times come as texts: making UUIDs took a fifth of the time, and Django's reader of times a tenth.
_REVIEWS = """
    SELECT id::text, status, decision_id::text
    FROM approvals_reviewtask WHERE id = ANY(string_to_array(%s, ',')::uuid[])
"""
_VOTES = """
    SELECT id::text, review_id::text, outcome, reason_code, reason, edits::text, surface, signed_in,
        withdrawn_at::text, reviewer_id::text, on_behalf_of_id::text, cast_at::text
    FROM approvals_vote WHERE review_id = ANY(string_to_array(%s, ',')::uuid[])
"""
# Undone decisions are in no index by review: those that events name are found by their id.
_DECISIONS = """
    SELECT id::text, review_id::text, outcome, reason_code, reason, edits::text, surface, signed_in,
        undone_at::text, by_id::text, decided_at::text, undo_until::text, callback
    FROM approvals_decision WHERE id IN (
        SELECT unnest(string_to_array(%s, ',')::uuid[])
        UNION SELECT id FROM approvals_decision
            WHERE review_id = ANY(string_to_array(%s, ',')::uuid[]) AND undone_at IS NULL
    )
"""


class Event(erasable_values.Event, Protocol):
    """What is read of an audit event."""

    @property
    def seq(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def actor_id(self) -> str | None: ...  # as it is stored: a text
    @property
    def surface(self) -> str: ...
    @property
    def content(self) -> Any: ...
    @property
    def at(self) -> datetime: ...


class Vote(NamedTuple):
    """A stored vote."""

    id: str
    review_id: str
    outcome: str
    reason_code: str
    reason: str
    edits: Any
    surface: str
    signed_in: str
    ended_at: datetime | None
    reviewer_id: str
    on_behalf_of_id: str | None
    cast_at: datetime

    def differences(self, recorded: Recorded) -> Iterator[str]:
        """The columns that are not as the event of the vote says."""
        yield from _common(self, recorded)
        yield from _differing("reviewer", self.reviewer_id, recorded.actor)
        yield from _differing("cast_at", self.cast_at, recorded.at)
        digest = recorded.kept("vote_sha256")
        if digest is not None and digest != outcome_digests.of_vote(self):
            yield "its digest"


class Decision(NamedTuple):
    """A stored decision."""

    id: str
    review_id: str
    outcome: str
    reason_code: str
    reason: str
    edits: Any
    surface: str
    signed_in: str
    ended_at: datetime | None
    by_id: str | None
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
        digest = recorded.kept("decision_sha256")
        if digest is not None and digest != outcome_digests.of_decision(self):
            yield "its digest"


class Recorded(NamedTuple):
    """What an event records of a vote or a decision."""

    seq: int
    review: str
    actor: str | None
    surface: str
    data: dict[str, Any]
    at: datetime
    erased: frozenset[str]

    def kept(self, name: str) -> Any:
        """A value of its data; None if it is not there, or was erased."""
        return None if name in self.erased else self.data.get(name)


def _recorded(event: Event, review: str, data: dict[str, Any]) -> Recorded:
    erased = erasable_values.erased_names(event, data) if ERASED in data.values() else _NOTHING
    return Recorded(event.seq, review, event.actor_id, event.surface, data, event.at, erased)


@dataclass
class Replay:
    """What the events of a chain say about the rows of its review; None for the chain of another row."""

    chain: str
    review: str | None
    seq: int = 0
    status: str = "pending"
    decision: str | None = None
    decisions: dict[str, Recorded] = field(default_factory=dict)
    votes: dict[str, Recorded] = field(default_factory=dict)
    ended: dict[str, datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, chain: str) -> Replay:
        """A replay that has seen no event of this chain."""
        noun, _, row = chain.partition(":")
        return cls(chain, _identity(row) if noun == "review" else None)

    def take(self, event: Event) -> None:
        """Take the next event of the chain."""
        self.seq = event.seq
        if self.review is None or event.kind not in TELLING:
            return
        self.status = STATUS_AFTER.get(event.kind, self.status)
        if event.kind == "decision.undone":
            self._undo(event.at)
            return
        data = event.content if isinstance(event.content, dict) else {}
        vote, ends = _identity(data.get("vote")), self.status in {"approved", "rejected"}
        if ends:
            self.decision = _identity(data.get("decision"))
        if vote or (ends and self.decision):
            recorded = _recorded(event, self.review, data)
            if vote:
                self.votes[vote] = recorded
            if ends and self.decision:
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
    ids = ",".join(about)
    reviews = {row[0]: row[1:] for row in statements.all_rows(_REVIEWS, [ids], keep_plan=False)}
    votes: dict[str, dict[str, Vote]] = {}
    for values in statements.all_rows(_VOTES, [ids], keep_plan=False):
        cast_at = datetime.fromisoformat(values[11])
        vote = Vote._make((*_common_columns(values), *values[9:11], cast_at))
        votes.setdefault(vote.review_id, {})[vote.id] = vote
    recorded = ",".join(pk for replay in about.values() for pk in replay.decisions)
    decisions: dict[str, Decision] = {}
    for values in statements.all_rows(_DECISIONS, [recorded, ids], keep_plan=False):
        times = map(datetime.fromisoformat, values[10:12])
        decision = Decision._make((*_common_columns(values), values[9], *times, values[12]))
        decisions[decision.id] = decision
    live: dict[str, set[str]] = {}
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
    replay: Replay, noun: str, recorded: dict[str, Recorded], rows: Any
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
    pairs = (
        ("review", row.review_id, recorded.review),
        ("outcome", row.outcome, data.get("outcome")),
        ("reason", row.reason, data.get("reason", "")),
        ("reason_code", row.reason_code, data.get("reason_code", "")),
        ("surface", row.surface, recorded.surface),
    )
    for column, stored, said in pairs:
        if stored != said and column not in recorded.erased:
            yield column


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


def _identity(text: Any) -> str | None:
    """An id as PostgreSQL writes it; None for what is none."""
    return text if isinstance(text, str) and _ID.fullmatch(text) else None


def _common_columns(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The columns of a vote or a decision as far as `ended_at`, with edits and time parsed."""
    edits, ended = values[5], values[8]
    return (
        *values[:5],
        {} if edits == "{}" else json.loads(edits),
        *values[6:8],
        datetime.fromisoformat(ended) if ended else None,
    )
