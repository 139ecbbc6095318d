"""Digests of votes and decisions, which their audit event holds, so that a changed row is noticed.

A digest covers every column that never changes but the reason and its code, which the event holds as
they are. It is the same for a row that is about to be written and for the row as it is stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from approvals.records import compact_json, event_digests


class OutcomeColumns(Protocol):
    """The columns that votes and decisions share."""

    @property
    def id(self) -> UUID | str: ...
    @property
    def review_id(self) -> UUID | str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def edits(self) -> Any: ...
    @property
    def surface(self) -> str: ...
    @property
    def signed_in(self) -> str: ...


class VoteColumns(OutcomeColumns, Protocol):
    """The columns of a vote."""

    @property
    def reviewer_id(self) -> UUID | str: ...
    @property
    def on_behalf_of_id(self) -> UUID | str | None: ...
    @property
    def cast_at(self) -> datetime: ...


class DecisionColumns(OutcomeColumns, Protocol):
    """The columns of a decision."""

    @property
    def by_id(self) -> UUID | str | None: ...
    @property
    def decided_at(self) -> datetime: ...
    @property
    def undo_until(self) -> datetime: ...
    @property
    def callback(self) -> bytes | memoryview: ...


def of_vote(vote: VoteColumns) -> str:
    """The digest of a vote, in hexadecimal."""
    own = {
        "reviewer": str(vote.reviewer_id),
        "on_behalf_of": str(vote.on_behalf_of_id or ""),
        "cast_at": event_digests.written(vote.cast_at),
    }
    return _digest(vote, own)


def of_decision(decision: DecisionColumns) -> str:
    """The digest of a decision, in hexadecimal."""
    own = {
        "by": str(decision.by_id or ""),
        "decided_at": event_digests.written(decision.decided_at),
        "undo_until": event_digests.written(decision.undo_until),
        "callback": hashlib.sha256(decision.callback).hexdigest(),
    }
    return _digest(decision, own)


def _digest(row: OutcomeColumns, own: Mapping[str, str]) -> str:
    content = {
        "id": str(row.id),
        "review": str(row.review_id),
        "outcome": str(row.outcome),
        "edits": _plain(row.edits) if row.edits else {},
        "surface": str(row.surface),
        "signed_in": row.signed_in,
        **own,
    }
    return hashlib.sha256(compact_json.encoded(content)).hexdigest()


def _plain(value: Any) -> Any:
    """A JSON value in which each number has one spelling: jsonb gives 1e16 back as a whole number.

    Texts and numbers are told apart by their first letter.
    """
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, str):
        return f"s{value}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        digits = format(Decimal(repr(value)), "f") if value else "0"
        return f"n{digits.rstrip('0').rstrip('.') if '.' in digits else digits}"
    return value
