"""Rows that a verb changes: locked, with all facts that the verb's checks depend on.

A statement that waits for a lock shows the locked row as it is after the wait, and everything else,
the time too, as it was before (https://www.postgresql.org/docs/current/transaction-iso.html, "Read
Committed"). So the facts are read by a second statement, on a snapshot of its own; both are sent in one
round trip.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Model

from approvals.actors import Actor, ensure_actor
from approvals.exceptions import AlreadyDecided, ClaimedByAnother, NotFound, StaleVersion
from approvals.models import ReviewQueue, ReviewTask, Vote
from approvals.models.review_tasks import SECRETS
from approvals.records import audit, rights, statements
from approvals.records.audit import ChainEnd
from approvals.records.rights import Rights

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class LockedRow(Generic[M]):
    """A row locked by this transaction, its audit chain, and the rights of the actor `by`."""

    row: M
    by: Actor
    rights: Rights
    chain: ChainEnd

    @property
    def now(self) -> datetime:
        """The database's time after the lock was taken."""
        return self.chain.now


@dataclass(frozen=True)
class LockedReview(LockedRow[ReviewTask]):
    """A locked review with its queue; `rights` are those where it is decided, `votes` those not withdrawn."""

    votes: tuple[Vote, ...] = ()

    def ensure_pending(self, version: int | None = None) -> None:
        """Raise AlreadyDecided unless it is pending, StaleVersion if it has another version than this."""
        if self.row.status != ReviewTask.Status.PENDING:
            raise AlreadyDecided(**self.row.outcome_details())
        if version is not None and version != self.row.version:
            raise StaleVersion(version=self.row.version)

    def ensure_not_held_by_another(self) -> None:
        """Raise ClaimedByAnother if somebody else than the actor holds it."""
        holder = self.row.assignee if self.row.is_held(self.now) else None
        if holder is not None and holder.pk != self.by.person.pk:
            raise ClaimedByAnother(assignee=holder.email)

    def ensure_free(self, version: int | None = None) -> None:
        """Raise what `ensure_pending` or `ensure_not_held_by_another` raises."""
        self.ensure_pending(version)
        self.ensure_not_held_by_another()


_REVIEW = statements.Columns(ReviewTask, "r", but=SECRETS)
_QUEUE = statements.Columns(ReviewQueue, "q")
# What no person does looks at no payload; if it does after all, it is read then.
_REVIEW_OF_SYSTEM = statements.Columns(ReviewTask, "r", but=(*SECRETS, "payload"))
_LOCK_REVIEW, _LOCK_REVIEW_OF_SYSTEM = (
    f"SELECT {columns.sql} FROM approvals_reviewtask r WHERE r.id = %s FOR UPDATE"  # noqa: S608
    for columns in (_REVIEW, _REVIEW_OF_SYSTEM)
)
_VOTES = """ARRAY(SELECT ARRAY[v.id::text, v.reviewer_id::text, v.outcome] FROM approvals_vote v
  WHERE v.review_id = r.id AND v.withdrawn_at IS NULL ORDER BY v.id)"""
_FACTS_OF_MANY = f"""
SELECT r.id, statement_timestamp(), {rights.ACTIVE}, {rights.GROUPS}, {rights.ROLES_IN_REVIEW}, {_VOTES}
FROM approvals_reviewtask r JOIN approvals_reviewqueue q ON q.id = r.queue_id
WHERE r.id = ANY(%s)
"""  # noqa: S608
_REVIEW_FACTS = f"""
SELECT {_QUEUE.sql}, statement_timestamp(), e.seq, e.hash,
  {rights.ACTIVE}, {rights.GROUPS}, {rights.ROLES_IN_REVIEW}, {_VOTES}
FROM approvals_reviewtask r JOIN approvals_reviewqueue q ON q.id = r.queue_id
LEFT JOIN LATERAL {audit.LAST_EVENT} e ON true
WHERE r.id = %s
"""  # noqa: S608
_FACTS = f"""
SELECT statement_timestamp(), e.seq, e.hash, {rights.ACTIVE}, {rights.GROUPS}
FROM (SELECT) one LEFT JOIN {audit.LAST_EVENT} e ON true
"""  # noqa: S608


def review(review_id: UUID, *, by: Actor) -> LockedReview:
    """A review, locked until the transaction ends. Raises NotFound, and TypeError if `by` is no Actor."""
    parameters = _review_parameters(review_id, by)
    lock, columns = (
        (_LOCK_REVIEW, _REVIEW) if by.user else (_LOCK_REVIEW_OF_SYSTEM, _REVIEW_OF_SYSTEM)
    )
    found, facts = statements.first_rows((lock, [review_id]), (_REVIEW_FACTS, parameters))
    if found is None or facts is None:
        raise NotFound
    return _locked_review(columns.instance(found), facts, by)


def with_facts(locked: ReviewTask, *, by: Actor) -> LockedReview:
    """A review that this transaction has locked already. Raises TypeError if `by` is no Actor."""
    facts = statements.first_row(_REVIEW_FACTS, _review_parameters(locked.pk, by))
    if facts is None:
        raise NotFound
    return _locked_review(locked, facts, by)


def facts_of(rows: Sequence[ReviewTask], *, by: Actor) -> list[LockedReview]:
    """The facts about reviews that were read with their queues but not locked: to preview what a verb would say.

    Their chains are not read: nothing can be recorded with these. Raises TypeError if `by` is no Actor.
    """
    ensure_actor(by)
    who = by.user and by.user.pk
    found = statements.all_rows(_FACTS_OF_MANY, [*(who,) * 6, [row.pk for row in rows]])
    facts = {pk: rest for pk, *rest in found}
    return [_without_chain(row, by, *facts[row.pk]) for row in rows if row.pk in facts]


def row(model: type[M], pk: Any, *, by: Actor) -> LockedRow[M]:
    """A row of another model, locked. Raises NotFound, and TypeError if `by` is no Actor."""
    ensure_actor(by)
    found = model._default_manager.select_for_update(of=("self",)).filter(pk=pk).first()
    if found is None:
        raise NotFound
    return row_with_facts(found, by=by)


def row_with_facts(locked: M, *, by: Actor) -> LockedRow[M]:
    """A row that this transaction has locked or is about to insert. Raises TypeError if `by` is no Actor."""
    ensure_actor(by)
    who = by.user and by.user.pk
    facts = statements.one_row(_FACTS, [who, who, audit.chain(locked)])
    now, seq, last, active, groups = facts
    chain = ChainEnd.read(locked, now, seq, last)
    return LockedRow(locked, by, rights.of(active, groups, ()), chain)


def _review_parameters(review_id: UUID, by: Actor) -> list[Any]:
    ensure_actor(by)
    who = by.user and by.user.pk
    return [*(who,) * 6, audit.chain_of("review", review_id), review_id]


def _locked_review(found: ReviewTask, facts: statements.Row, by: Actor) -> LockedReview:
    found.queue = _QUEUE.instance(facts[: len(_QUEUE)])
    now, seq, last, active, groups, roles, votes = facts[len(_QUEUE) :]
    chain = ChainEnd.read(found, now, seq, last)
    return LockedReview(found, by, rights.of(active, groups, roles), chain, _live(found, votes))


def _without_chain(
    found: ReviewTask, by: Actor, now: datetime, active: bool | None, *more: Any
) -> LockedReview:
    groups, roles, votes = more
    held = rights.of(active, groups, roles)
    return LockedReview(found, by, held, ChainEnd(found, now), _live(found, votes))


def _live(review: ReviewTask, votes: Iterable[Sequence[str]]) -> tuple[Vote, ...]:
    return tuple(
        Vote(id=UUID(pk), review=review, reviewer_id=UUID(reviewer), outcome=outcome)
        for pk, reviewer, outcome in votes
    )
