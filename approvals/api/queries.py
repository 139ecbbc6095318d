"""What the API reads: rows under `policy`, and what belongs to a page of them without a query a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Func, IntegerField, Min, OuterRef, QuerySet, Subquery

from approvals import policy
from approvals.actors import Actor
from approvals.exceptions import KeyMissing, NotFound
from approvals.models import (
    AuditEvent,
    Comment,
    OrderBatch,
    OrderExecution,
    OrderIntervention,
    OutboxEntry,
    QuarantinedMessage,
    ReviewQueue,
    ReviewTask,
    User,
    Vote,
)
from approvals.models.order_executions import OrderQuerySet
from approvals.models.review_tasks import ReviewQuerySet
from approvals.records import audit
from approvals.records.quarantine import redacted_body

COUNT_UP_TO = 100
ORDERS: Mapping[str, Sequence[str]] = {
    "deadline": ("deadline_at", "id"),
    "-received_at": ("-received_at", "-id"),
    "-priority": ("-priority", "deadline_at", "id"),
}
_OF_QUEUES = ("policy", "output_schema", "fields")
_UNTOLD = ("decision__callback", *(f"queue__{name}" for name in _OF_QUEUES))


def reviews(actor: Actor) -> ReviewQuerySet:
    """The reviews this actor may see, with what an answer shows of them and no sealed bytes."""
    rows = policy.visible_reviews(actor).without_secrets()
    return rows.select_related("queue", "assignee", "decision__by").defer(*_UNTOLD)


def review(actor: Actor, review_id: UUID) -> ReviewTask:
    """One of them. Raises NotFound, whether it is hidden or not there."""
    row = reviews(actor).filter(pk=review_id).first()
    if row is None:
        raise NotFound
    return row


def narrowed(rows: ReviewQuerySet, asked: Mapping[str, Any], actor: Actor) -> ReviewQuerySet:
    """The rows that a ReviewFilter asks for. A queue that is hidden or not there has none."""
    rows = rows.filter(status__in=asked["status"]) if asked["status"] else rows.pending()
    # The ids themselves, beside the subquery of `policy`: with one queue PostgreSQL then walks its
    # index in order instead of sorting all that is open (8 ms, not 400, among 50,000).
    seen = policy.visible_queues(actor).order_by()
    seen = seen.filter(slug=asked["queue"]) if asked["queue"] else seen
    rows = rows.filter(queue__in=list(seen.values_list("pk", flat=True)))
    if asked["reference"]:
        rows = rows.filter(reference=asked["reference"])
    if asked["assignee"]:
        rows = rows.held_by(actor.person) if asked["assignee"] == "me" else rows.unclaimed()
    return rows.matching(asked["q"]) if asked["q"] else rows


def deliveries(rows: Iterable[ReviewTask]) -> dict[UUID, OutboxEntry]:
    """The outbox row of each decision; no foreign key leads there, so a page fetches them at once."""
    decided = [row.decision_id for row in rows if row.decision_id]
    if not decided:
        return {}
    entries = OutboxEntry.objects.filter(kind=OutboxEntry.Kind.CALLBACK, subject__in=decided)
    return {entry.subject: entry for entry in entries.defer("payload")}


def vote(on: ReviewTask, by: User, *, since: datetime | None = None) -> Vote:
    """The vote that this actor has just cast, or the first one they cast since a receipt was written."""
    cast = Vote.objects.filter(review=on, reviewer=by)
    if since is None:
        return cast.latest("cast_at", "pk")
    return cast.filter(cast_at__gte=since).earliest("cast_at", "pk")


def person(email: str) -> User:
    """Who has this e-mail; where nobody has, or they are gone, somebody who may nothing at all.

    So a verb refuses the unknown in the words, and at the point, in which it refuses a stranger.
    """
    spelt = email.lower()
    found = User.objects.filter(email=spelt, is_active=True).first()
    return found or User(email=spelt, is_active=False)


def comments(of: ReviewTask) -> QuerySet[Comment]:
    """What was said about a review."""
    return Comment.objects.filter(review=of).select_related("by")


def comment(actor: Actor, review_id: UUID, comment_id: UUID) -> Comment:
    """A comment on a review that this actor may see. Raises NotFound."""
    return comments(review(actor, review_id)).get(pk=comment_id)


def events(of: ReviewTask) -> QuerySet[AuditEvent]:
    """The review's audit trail."""
    return AuditEvent.objects.filter(chain=audit.chain(of)).select_related("on_behalf_of")


def queue(actor: Actor, slug: str) -> ReviewQueue:
    """A queue this actor may see. Raises NotFound."""
    row = policy.visible_queues(actor).filter(slug=slug).first()
    if row is None:
        raise NotFound
    return row


def queues(actor: Actor) -> QuerySet[ReviewQueue]:
    """The queues this actor may see; what is counted is counted up to a cap, one more means more."""
    open_here = ReviewTask.objects.pending().filter(queue=OuterRef("pk"))
    capped = ArraySubquery(open_here.values("pk")[: COUNT_UP_TO + 1])
    oldest = open_here.order_by().values("queue").annotate(oldest=Min("received_at"))
    return policy.visible_queues(actor).annotate(
        waiting=Func(capped, function="CARDINALITY", output_field=IntegerField()),
        oldest_received_at=Subquery(oldest.values("oldest")),
        next_deadline_at=Subquery(
            open_here.order_by("deadline_at", "id").values("deadline_at")[:1]
        ),
    )


def orders(actor: Actor) -> OrderQuerySet:
    """The orders this actor may see, without their inputs. Raises NotAllowed for none."""
    return policy.visible_orders(actor).defer("input")


def order(actor: Actor, order_id: str) -> list[OrderExecution]:
    """All attempts at an order, the last one first, with its input. Raises NotAllowed or NotFound."""
    rows = list(policy.visible_orders(actor).attempts_at(order_id))
    if not rows:
        raise NotFound
    return rows


def interventions(attempts: Iterable[OrderExecution]) -> QuerySet[OrderIntervention]:
    """What was done to these, the latest first."""
    rows = OrderIntervention.objects.filter(order__in=list(attempts))
    return rows.select_related("order", "created_by").order_by("-created_at", "-id")


def order_batch(actor: Actor, batch_id: UUID) -> OrderBatch:
    """A batch of orders. Raises NotAllowed or NotFound."""
    row = policy.visible_batches(actor).defer("body").filter(pk=batch_id).first()
    if row is None:
        raise NotFound
    return row


def quarantine(actor: Actor) -> QuerySet[QuarantinedMessage]:
    """The quarantined messages this actor may see, without their bytes. Raises NotAllowed for none."""
    rows = policy.visible_quarantine(actor).select_related("queue", "replayed_by", "discarded_by")
    return rows.defer("raw_body", "raw_body_sha256", *(f"queue__{name}" for name in _OF_QUEUES))


def quarantined(actor: Actor, message_id: UUID) -> QuarantinedMessage:
    """One of them. Raises NotAllowed or NotFound."""
    row = quarantine(actor).filter(pk=message_id).first()
    if row is None:
        raise NotFound
    return row


def body_of(row: QuarantinedMessage) -> str | None:
    """The redacted body of a quarantined message; None if no key of this service opens it."""
    try:
        return redacted_body(row)
    except KeyMissing:
        return None
