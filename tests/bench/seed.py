"""Fills the service's tables by COPY with rows as its own code makes them: sealed bytes, chains, snapshots.

Of N reviews a tenth is open, the others are decided and delivered, a few expired or superseded. The rows
spread over the last 90 days and over the queues of QUEUES. Two processes write at the same time.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import psycopg
from django.db import connection, models
from django.db.models.expressions import DatabaseDefault

from approvals.actors import MESSAGE_QUEUE, SYSTEM, Actor
from approvals.messages import TaskToken
from approvals.models import (
    AuditEvent,
    Decision,
    ExecutionSnapshot,
    OutboxAttempt,
    OutboxEntry,
    ReviewQueue,
    ReviewTask,
    User,
    Vote,
)
from approvals.models.choices import Outcome, Surface
from approvals.models.outbox import Detail
from approvals.records import (
    audit,
    callback_payloads,
    new_reviews,
    outcome_digests,
    received_messages,
)
from approvals.records.audit import ChainEnd
from approvals.records.audit_kinds import AuditKind
from approvals.records.received_messages import Readable, Received
from approvals.records.unit_of_work import UnitOfWork
from tests.bench import message

TABLES: tuple[type[models.Model], ...] = (
    ReviewTask,
    Vote,
    Decision,
    OutboxEntry,
    OutboxAttempt,
    AuditEvent,
    ExecutionSnapshot,
)
OPEN_SHARE, EXPIRED_SHARE = 0.10, 0.04
DAYS, OLD = 90, timedelta(days=80)
BATCH = 2_000  # reviews a transaction
Rows = dict[type[models.Model], list[Any]]


@dataclass(frozen=True)
class Wanted:
    """How many reviews, and of which kind: `mixed`, `open`, or `due` (decided, its callback due now)."""

    count: int
    kind: str = "mixed"
    mark: str = "S"  # in the references, so that one call's rows differ from another's
    first_queue: bool = False


class Chain:
    """The audit events of one review, made as verbs make them, in units of work that are not written."""

    def __init__(self, review: ReviewTask) -> None:
        self.end = ChainEnd(review, review.received_at)
        self.events: list[AuditEvent] = []

    def add(self, kind: AuditKind, by: Actor, data: dict[str, Any], at: datetime) -> None:
        """One more event, of this time."""
        self.end.now = at
        self.events.append(audit.record(UnitOfWork(), self.end, kind, by=by, data=data))


class Maker:
    """Makes the rows of reviews, one after another."""

    def __init__(self, queues: list[ReviewQueue], people: list[User], wanted: Wanted) -> None:
        self.queues = queues[:1] if wanted.first_queue else queues
        self.people, self.wanted = people, wanted
        self.now = datetime.now(UTC)
        read = received_messages.read(queues[0], Received(message.body("ORD-0"), "m", self.now))
        assert isinstance(read, Readable)
        self.request = read.request

    def rows(self, numbers: Iterable[int]) -> Rows:
        """The rows of the reviews with these numbers."""
        rows: Rows = defaultdict(list)
        for number in numbers:
            self._add(rows, number)
        return rows

    def _add(self, rows: Rows, number: int) -> None:
        chance = random.Random(number)
        kind, share = self.wanted.kind, chance.random()
        ended = kind == "due" or (kind == "mixed" and share >= OPEN_SHARE)
        age = timedelta(days=chance.uniform(1, DAYS) if ended else chance.uniform(0, 3))
        review = self._review(number, chance, self.now - age)
        rows[ReviewTask].append(review)
        chain, received = Chain(review), AuditKind.REVIEW_RECEIVED
        chain.add(received, MESSAGE_QUEUE, _arrival(review), review.received_at)
        if kind == "mixed" and OPEN_SHARE <= share < OPEN_SHARE + EXPIRED_SHARE:
            self._expire(chain, review)
        elif ended:
            self._decide(rows, chain, review, chance)
        rows[AuditEvent] += chain.events
        due = None if ended else self.now + timedelta(hours=chance.uniform(2, 48))
        rows[ExecutionSnapshot].append(
            ExecutionSnapshot(
                execution_arn=review.execution_arn,
                status="succeeded" if ended else "running",
                read_at=review.received_at,
                due_at=due,
            )
        )

    def _review(self, number: int, chance: random.Random, at: datetime) -> ReviewTask:
        reference, token = f"ORD-{self.wanted.mark}-{number}", message.token()
        sent = message.message(reference, token, number)
        if self.now - at > OLD:  # a text that is only found far from the beginning of a list
            sent["title"] += ", as in spring"
        text = message.body_of(sent)
        request = dataclasses.replace(
            self.request,
            token=TaskToken(token),
            reference=reference,
            title=sent["title"],
            priority=sent["priority"],
            execution_arn=sent["executionArn"],
            payload=sent | {"taskToken": "[task token]"},
        )
        received = Received(text, f"{self.wanted.mark}-{number}", at)
        queue = chance.choices(self.queues, weights=range(len(self.queues), 0, -1))[0]
        review = new_reviews._review(queue, Readable(received, request))
        review.received_at = at + timedelta(seconds=1)
        return review

    def _expire(self, chain: Chain, review: ReviewTask) -> None:
        review.status, review.version = ReviewTask.Status.EXPIRED, 2
        proof = {"proof": "history", "fate": "timed_out"}
        chain.add(AuditKind.REVIEW_EXPIRED, SYSTEM, proof, review.deadline_at)

    def _decide(self, rows: Rows, chain: Chain, review: ReviewTask, chance: random.Random) -> None:
        by = Actor(chance.choice(self.people), Surface.API, signed_in="token:bench")
        outcome = Outcome.REJECTED if chance.random() < 0.25 else Outcome.APPROVED
        at = review.received_at + timedelta(minutes=chance.uniform(1, 600))
        said = {"outcome": outcome, "reason": "Seen.", "surface": by.surface, "signed_in": "token"}
        vote = Vote(review=review, reviewer=by.user, cast_at=at, **said)
        decision = Decision(review=review, by=by.user, decided_at=at, undo_until=at, **said)
        decision.callback = callback_payloads.freeze(review.queue, decision, by.name)
        review.status, review.decision, review.version = ReviewTask.Status(outcome), decision, 2
        rows[Vote].append(vote)
        rows[Decision].append(decision)
        data = {
            "outcome": str(outcome),
            "reason": "Seen.",
            "reason_code": "",
            "vote": str(vote.pk),
            "vote_sha256": outcome_digests.of_vote(vote),
            "decision": str(decision.pk),
            "decision_sha256": outcome_digests.of_decision(decision),
            "undo_until": at.isoformat(),
        }
        chain.add(AuditKind(f"review.{outcome}"), by, data, at)
        self._send(rows, chain, review, decision)

    def _send(self, rows: Rows, chain: Chain, review: ReviewTask, decision: Decision) -> None:
        at, due = decision.decided_at, self.wanted.kind == "due"
        end = {} if due else {"ended_at": at, "state": "settled", "detail": Detail.ACKNOWLEDGED}
        entry = OutboxEntry(
            lane=OutboxEntry.Lane.CALLBACKS,
            kind=OutboxEntry.Kind.CALLBACK,
            subject=decision.pk,
            queue=review.queue,
            payload=decision.callback,
            created_at=at,
            not_before=at,
            attempts=0 if due else 1,
            lease_epoch=0 if due else 1,
            **end,
        )
        rows[OutboxEntry].append(entry)
        if due:
            return
        rows[OutboxAttempt].append(
            OutboxAttempt(entry=entry, number=1, started_at=at, ended_at=at, result="accepted")
        )
        data = {"decision": str(decision.pk), "detail": "acknowledged", "attempts": 1}
        chain.add(AuditKind("callback.delivered"), SYSTEM, data, at)


def _arrival(review: ReviewTask) -> dict[str, Any]:
    return {
        "queue": review.queue.slug,
        "reference": review.reference,
        "sqs_message_id": review.sqs_message_id,
        "raw_body_sha256": bytes(review.raw_body_sha256).hex(),
        "token_fingerprint": bytes(review.token_fingerprint).hex(),
        "execution_arn": review.execution_arn,
        "deadline_at": review.deadline_at.isoformat(),
    }


@cache
def _columns(model: type[models.Model]) -> tuple[tuple[Any, ...], str]:
    """The fields that COPY fills, and its statement; the database numbers and stamps the others."""
    left = {models.BigAutoField, models.AutoField}
    fields = tuple(
        field
        for field in model._meta.concrete_fields
        if type(field) not in left and field.column != "transaction"
    )
    names = ", ".join(f'"{field.column}"' for field in fields)
    return fields, f'COPY "{model._meta.db_table}" ({names}) FROM STDIN'


def _values(fields: Iterable[Any], row: Any) -> Iterator[Any]:
    for field in fields:
        value: Any = getattr(row, field.attname)
        if type(value) is DatabaseDefault:
            value = value.expression.value  # type: ignore[attr-defined]  # a constant
        yield field.get_db_prep_save(value, connection)


def copy(database: psycopg.Connection[Any], rows: Rows) -> None:
    """Write rows by COPY, all in one transaction."""
    with database.transaction(), database.cursor() as cursor:
        for model in TABLES:
            fields, statement = _columns(model)
            with cursor.copy(statement) as out:
                for row in rows.get(model, ()):
                    out.write_row(list(_values(fields, row)))


def _work(url: str, wanted: Wanted, queues: Any, people: Any, numbers: range) -> None:
    maker = Maker(queues, people, wanted)
    with psycopg.connect(url) as database:
        for first in range(0, len(numbers), BATCH):
            copy(database, maker.rows(numbers[first : first + BATCH]))


def fill(url: str, wanted: Wanted, queues: list[ReviewQueue], people: list[User]) -> None:
    """Write the wanted reviews into the database `url`, whose queues and people are given."""
    if wanted.count <= BATCH:
        _work(url, wanted, queues, people, range(wanted.count))
        return
    parts = min(4, os.cpu_count() or 1)
    connection.close()  # none is shared with a child
    fork = multiprocessing.get_context("fork")
    children = [
        fork.Process(
            target=_work, args=(url, wanted, queues, people, range(part, wanted.count, parts))
        )
        for part in range(parts)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()
        if child.exitcode:
            raise RuntimeError("seeding failed")
