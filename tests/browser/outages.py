"""What goes wrong on such a day: AWS refuses a queue's answers, and a decision that came too late."""

from __future__ import annotations

from approvals.delivery import callbacks
from approvals.gateways.errors import Answer, Proof
from approvals.models import OutboxEntry, ReviewTask
from approvals.reconciliation.callback_evidence import Evidence, Fate
from approvals.records import outbox
from tests import factories
from tests.browser import world

REFUSED = Answer(Proof.ACCESS_DENIED, "AccessDeniedException")


def held_back(day: world.World) -> list[ReviewTask]:
    """Three decisions, the nearest deadline first, whose answers AWS has refused: the breaker is open."""
    numbers = ("13", "30", "31")
    rows = [day.reviews[f"ORD-00482{number}"] for number in numbers]
    return [world.decide(row, "approved", day.ada, "", REFUSED) for row in rows]


def came_too_late(day: world.World) -> tuple[ReviewTask, ReviewTask]:
    """A rejected review whose token had timed out, and the one by which its step asks again."""
    older = day.reviews["ORD-0048247"]
    older = world.decide(older, "rejected", day.ada, "The address is a parcel shop.", None)
    OutboxEntry.objects.filter(subject=older.decision_id).update(not_before=older.sent_at)
    lease = outbox.lease(OutboxEntry.objects.get(subject=older.decision_id).pk)
    assert lease is not None
    assert callbacks.conclude(lease, world.CLOSED)
    callbacks.conclude_by_history(lease, Evidence(Fate.EXPIRED, 7, "TaskTimedOut"))
    newer = factories.review(
        day.queue,
        executionArn=older.execution_arn,
        stateName=older.state_name,
        orderId=older.reference,
        title=older.title,
        retryCount=1,
    )
    older.refresh_from_db()
    assert older.superseded_by == newer
    return older, newer
