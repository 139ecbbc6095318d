"""A lead's Monday morning on an AWS with true tokens: much is held, some is stuck in each way, two are away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from approvals import bulk
from approvals.actions import assignment, decisions, people
from approvals.actors import COMMAND_LINE
from approvals.models import Breaker, OutboxEntry, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.models.outbox import Detail
from approvals.worker import loop
from tests import factories
from tests.browser import world
from tests.bulk import begun, refused_by_the_database
from tests.factories import actor
from tests.fake_aws import FakeAws, Fault
from tests.waiting_reviews import take_in, token_of

STUCK = 5  # of each kind
CUSTOMERS = ("Ada Byron", "Grace O'Neill", "Priya Raman")
ERRORS = ("FraudSuspected", "PriceMismatch", "OutOfStock", "AddressUnknown")
AT_ONCE = decisions.DecisionRequest(undo_seconds=0)


@dataclass
class Morning:
    """Who and what is there, and the account that answers."""

    aws: FakeAws
    queue: ReviewQueue
    refunds: ReviewQueue
    lead: User
    held: int


def build(aws: FakeAws, held: int) -> Morning:
    """`held` open reviews of the queue, and STUCK in each of eight ways; Bob and Carol are away."""
    queue, refunds = (_queue(aws, slug) for slug in ("manual-review", "refunds"))
    lead = world.person("lena@example.com", "Lena Marsh", "lead", queue, refunds)
    people.grant_site(lead, "operator", by=COMMAND_LINE)
    bob = world.person("bob@example.com", "Bob Stone", "reviewer", queue, refunds)
    carol = world.person("carol@example.com", "Carol Reyes", "reviewer", queue)
    rows = _held(aws, queue, held + 5 * STUCK, "ORD")
    _parked(aws, rows[:STUCK], bob)
    _unconfirmed(aws, rows[STUCK : 2 * STUCK], carol)
    _overdue(rows[2 * STUCK : 3 * STUCK])
    _failed_in_bulk(rows[3 * STUCK : 4 * STUCK], lead)
    _claimed(rows[4 * STUCK : 5 * STUCK], bob, carol)
    _quarantined(aws, queue)
    _unproved(queue)
    _held_back(aws, refunds, bob)
    return Morning(aws, queue, refunds, lead, held)


def work() -> None:
    """What the worker does within a minute, its pauses cut short."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE approvals_executionsnapshot SET due_at = now() WHERE due_at > now()")
        cursor.execute("UPDATE approvals_breaker SET retry_at = now() WHERE retry_at > now()")
        cursor.execute(
            "UPDATE approvals_outboxentry SET not_before = now() WHERE state = 'waiting'"
        )
    loop.sweep_once()


def _queue(aws: FakeAws, slug: str) -> ReviewQueue:
    name = {"manual-review": "Manual review", "refunds": "Refunds"}[slug]
    url = aws.create_queue(slug)
    return factories.queue(
        slug, name=name, sqs_url=url, region="eu-west-1", fields=world.FIELDS,
        lease_seconds=3_600, undo_seconds=10,
    )  # fmt: skip


def _held(aws: FakeAws, queue: ReviewQueue, count: int, mark: str) -> list[ReviewTask]:
    """Reviews of executions that wait, the oldest first, due in the next day."""
    machine = aws.machine(f"orders-{queue.slug}", timeout_seconds=86_400)
    for number in range(count):
        arn = aws.start(machine, f"{mark}-{number:05}", {"order_id": f"{mark}-{number:05}"})
        error = ERRORS[number % len(ERRORS)]
        aws.open_task(
            arn,
            queue_url=queue.sqs_url,
            error={"Error": error, "Cause": world.HELD.get(error, "")},
            input={
                "order_id": f"{mark}-{number:05}",
                "customer": {"name": CUSTOMERS[number % len(CUSTOMERS)]},
                "total": 20 + number % 500,
                "currency": "EUR",
            },
            timeout_seconds=86_400 - number,
        )
    take_in(queue)
    return list(ReviewTask.objects.filter(queue=queue).order_by("reference")[:count])


def _decided(rows: list[ReviewTask], by: User) -> list[OutboxEntry]:
    entries = []
    for row in rows:
        decided = decisions.decide(row.pk, Outcome.APPROVED, by=actor(by), request=AT_ONCE)
        entries.append(OutboxEntry.objects.get(subject=decided.decision_id))
    return entries


def _park(entries: list[OutboxEntry], detail: Detail) -> None:
    some = OutboxEntry.objects.filter(pk__in=[entry.pk for entry in entries])
    some.update(state="parked", detail=detail, ended_at=Now() - timedelta(hours=9))


def _parked(aws: FakeAws, rows: list[ReviewTask], by: User) -> None:
    """A key was missing when these were to be sent; it is there again."""
    _park(_decided(rows, by), Detail.KEY_MISSING)


def _unconfirmed(aws: FakeAws, rows: list[ReviewTask], by: User) -> None:
    """Somebody else has answered, and the history could not be read; now it can."""
    for row in rows:
        aws.answer(token_of(aws, row), "{}")
    _park(_decided(rows, by), Detail.HISTORY_UNREADABLE)


def _overdue(rows: list[ReviewTask]) -> None:
    """The deadline that the queue assumed has passed."""
    ReviewTask.objects.filter(pk__in=[row.pk for row in rows]).update(
        deadline_source=ReviewTask.DeadlineSource.DEFAULT,
        deadline_at=Now() - timedelta(hours=3),
        sent_at=F("sent_at") - timedelta(days=1),
    )


def _failed_in_bulk(rows: list[ReviewTask], by: User) -> None:
    """The database was in trouble while these were decided together."""
    job = begun(rows, by)
    with refused_by_the_database(*rows):
        bulk.run(job.pk)


def _claimed(rows: list[ReviewTask], bob: User, carol: User) -> None:
    for number, row in enumerate(rows):
        assignment.claim(row.pk, by=actor((bob, carol)[number % 2]))


def _quarantined(aws: FakeAws, queue: ReviewQueue) -> None:
    aws.send(queue.sqs_url, [f"no json {number}" for number in range(STUCK)], False)
    take_in(queue)


def _unproved(queue: ReviewQueue) -> None:
    """Messages without an execution's ARN, whose deadline has passed."""
    for number in range(STUCK):
        fields: dict[str, Any] = {"executionArn": None, "stateMachineArn": None}
        row = factories.review(queue, orderId=f"OLD-{number}", timeoutSeconds=3_600, **fields)
        ReviewTask.objects.filter(pk=row.pk).update(
            deadline_at=Now() - timedelta(hours=2), sent_at=F("sent_at") - timedelta(days=1)
        )
    loop.sweep_once()


def _held_back(aws: FakeAws, refunds: ReviewQueue, by: User) -> None:
    """AWS refuses the answers of the other queue until its role is mended: `mend`."""
    aws.switch("SendTaskSuccess", Fault.ACCESS_DENIED)
    rows = _held(aws, refunds, STUCK, "REF")
    _decided(rows, by)
    loop.sweep_once()
    assert Breaker.objects.filter(queue=refunds).exclude(opened_at=None).exists()


def mend(morning: Morning) -> None:
    """The administrator of the account gives the right back."""
    morning.aws.switch("SendTaskSuccess", None)
