"""What happened, by AWS's own log and by the database's rows, and a breach of an invariant of the two."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from approvals.models import ReviewTask
from approvals.records import tokens
from tests.fake_aws import Log
from tests.fake_aws.journal import ANSWERS

FATE_OF = {"TaskTimedOut": "expired", "TaskAborted": "aborted", "ExecutionDeleted": "deleted"}


@dataclass(frozen=True)
class Breach:
    """An invariant of the reliability goal that does not hold, and where; `counts_as` sorts it."""

    invariant: str
    what: str
    counts_as: str = ""
    about: str = ""


@dataclass
class Truth:
    """The log of the fake AWS, by subject."""

    log: Log
    lines: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.log.lines()

    def effects(self, op: str) -> Iterator[dict[str, Any]]:
        """The effects of one operation."""
        return (line for line in self.lines if line["what"] == "effect" and line["op"] == op)

    @cached_property
    def sends(self) -> dict[str, dict[str, Any]]:
        """Every message that was put on a queue, by its id."""
        return {line["message_id"]: line for line in self.effects("SendMessage")}

    @cached_property
    def closed(self) -> dict[str, dict[str, Any]]:
        """What closed each token, by its fingerprint."""
        return {line["token"]: line for line in self.lines if line.get("closes")}

    @cached_property
    def answers(self) -> dict[str, list[dict[str, Any]]]:
        """The SendTaskSuccess and SendTaskFailure calls about each token."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for line in self.lines:
            if line["what"] == "call" and line["op"] in ANSWERS:
                found[line.get("token", "")].append(line)
        return found

    def fate(self, token: str, decision: UUID) -> str:
        """What became of a token, seen from a decision: ours, other_party, expired, aborted, open."""
        closing = self.closed.get(token)
        if closing is None:
            return "open"
        if closing.get("decision_id") == str(decision):
            return "ours"
        return FATE_OF.get(closing["op"], "other_party")


@dataclass(frozen=True)
class Seen:
    """A review with its token's fingerprint as the log writes it."""

    row: ReviewTask
    token: str


def reviews() -> dict[UUID, Seen]:
    """All reviews of the database, by id."""
    rows = ReviewTask.objects.defer("payload", "raw_body").iterator()
    return {row.pk: Seen(row, token_of(row)) for row in rows}


def token_of(review: ReviewTask) -> str:
    """The fingerprint of a review's token as AWS's log writes it."""
    plain = tokens.unseal(review.sealed_token, row=review.pk, column="sealed_token")
    return hashlib.sha256(plain).hexdigest()
