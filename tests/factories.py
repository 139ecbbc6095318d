"""Rows and messages for tests; rows are created by the verbs of the service."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db.models import Model

from approvals.actions import intake, people, queues
from approvals.actors import COMMAND_LINE, Actor
from approvals.delivery import callbacks
from approvals.gateways.errors import Answer
from approvals.models import AuditEvent, OutboxEntry, ReviewQueue, ReviewTask, User
from approvals.models.choices import Surface
from approvals.reconciliation.callback_evidence import Evidence, Fate
from approvals.records import audit, database_time, idempotency, outbox, received_messages
from approvals.records.audit_kinds import AuditKind
from approvals.records.outbox import Lease
from approvals.records.received_messages import Readable, Received
from approvals.records.unit_of_work import UnitOfWork

PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)


def actor(user: User, surface: str = "web", signed_in: str = "password") -> Actor:
    """This user, acting through a surface."""
    return Actor(user, Surface(surface), signed_in=signed_in)


def message(**fields: Any) -> dict[str, Any]:
    """A full manual-review message of schema version 1; `fields` replace its keys."""
    number = next(_numbers)
    return {
        "schemaVersion": "1",
        "taskToken": f"token-{uuid.uuid4()}",
        "orderId": f"ORD-{number}",
        "error": {"Error": "FraudSuspected", "Cause": '{"errorMessage": "The card is new here."}'},
        "executionArn": f"arn:aws:states:us-east-1:123456789012:execution:orders:order-{number}",
        "stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:orders",
        "stateName": "ManualReview",
        "timeoutSeconds": 3600,
        "input": {
            "order_id": f"ORD-{number}",
            "customer": {"name": "Grace Hopper", "email": "grace@example.com"},
            "total": 812.5,
            "currency": "EUR",
            "items": [{"sku": "LAMP-1", "name": "Desk lamp", "quantity": 2, "price": 406.25}],
        },
    } | fields


def received(body: Any = None, **fields: Any) -> Received:
    """A message as it comes from SQS; a `body` that is no text is written as JSON."""
    if body is None:
        body = message(**fields)
    text = body if isinstance(body, str) else json.dumps(body)
    return Received(text, str(uuid.uuid4()), datetime.now(UTC))


def readable(queue: ReviewQueue, body: Any = None) -> Readable:
    """A received message of the queue, parsed."""
    item = received_messages.read(queue, received(body))
    assert isinstance(item, Readable)
    return item


def queue(slug: str = "manual-review", **changes: Any) -> ReviewQueue:
    """A review queue."""
    fields = {"sqs_url": f"https://sqs.us-east-1.amazonaws.com/123456789012/{slug}"}
    row, _ = queues.save(slug, {"region": "us-east-1", **fields, **changes}, by=COMMAND_LINE)
    return row


def review(of: ReviewQueue | None = None, **fields: Any) -> ReviewTask:
    """A pending review that came in as a message with these fields."""
    of = of or ReviewQueue.objects.filter(slug="manual-review").first() or queue()
    arrival = received(**fields)
    intake.accept(of, [arrival])
    return ReviewTask.objects.get(sqs_message_id=arrival.message_id)


def user(email: str, role: str | None = None, of: ReviewQueue | None = None, **fields: Any) -> User:
    """A person with PASSWORD, and with a role in a queue if `role` is given."""
    made = people.create(email, by=COMMAND_LINE, password=PASSWORD, **fields)
    if role:
        of = of or ReviewQueue.objects.filter(slug="manual-review").first() or queue()
        people.grant(made, of.slug, role, by=COMMAND_LINE)
    return made


def event(row: Model, kind: AuditKind, *, by: Actor, **what: Any) -> AuditEvent:
    """An event on the chain of this row."""
    work = UnitOfWork()
    recorded = audit.record(work, audit.end_of(row), kind, by=by, **what)
    work.write()
    return recorded


def outbox_entry(
    kind: OutboxEntry.Kind, subject: uuid.UUID, payload: bytes, **about: Any
) -> OutboxEntry:
    """An entry of the outbox."""
    entry = outbox.new_entry(kind, subject, payload, **about)
    entry.save(force_insert=True)
    return entry


def moved(entry: OutboxEntry, verdict: outbox.Verdict) -> OutboxEntry:
    """The entry after this verdict."""
    work = UnitOfWork()
    outbox.move(work, entry, verdict, database_time.now())
    work.write()
    return entry


def attempt_concluded(
    lease: Lease,
    result: outbox.AttemptResult,
    judge: Callable[[OutboxEntry], outbox.Verdict | None],
    **what: Any,
) -> outbox.Conclusion:
    """The conclusion of an attempt, written."""
    work = UnitOfWork()
    concluded = outbox.conclude(work, lease, result, judge, **what)
    work.write()
    return concluded


def conclude(lease: Lease, answer: Answer) -> None:
    """Conclude a leased callback with this answer of Step Functions; its history cannot be read."""
    if callbacks.conclude(lease, answer):
        callbacks.conclude_by_history(lease, Evidence(Fate.HISTORY_UNREADABLE))


def idempotency_key(key: str = "k", *, status: int = 200) -> idempotency.Key:
    """The idempotency key of a request that succeeds with this status."""
    return idempotency.Key(
        principal="shop", key=key, request="POST", body_sha256=bytes(32), status=status
    )
