"""The queries of the API: rows that `policy` lets a user see, with all that a page of them needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import Any, cast
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    Case,
    Func,
    IntegerField,
    Min,
    OuterRef,
    QuerySet,
    Subquery,
    TextField,
    When,
)
from django.db.models.functions import Cast, Left, Length

from approvals import policy, visibility
from approvals.actors import Actor
from approvals.exceptions import KeyMissing, NotFound
from approvals.models import (
    AuditEvent,
    Comment,
    OrderBatch,
    OrderExecution,
    OrderIntervention,
    QuarantinedMessage,
    ReviewQueue,
    ReviewTask,
    User,
    Vote,
)
from approvals.models.choices import Surface
from approvals.models.order_executions import OrderQuerySet
from approvals.models.review_tasks import ReviewQuerySet
from approvals.records import audit
from approvals.records.audit_kinds import AuditKind
from approvals.records.prepared_queries import Prepared
from approvals.records.quarantined_messages import redacted_body as stored_body

COUNT_UP_TO = 100
DEFAULT_ROWS = 50  # of a page, if a request does not say how many
TEXT_START = 1_000  # characters of a cause or a reason in a list
MOST_ATTEMPTS, MOST_INTERVENTIONS = 100, 200  # of an order
LONGEST_EDITS = 2_000  # characters of edits in a list; of longer ones it shows none
VOTE_EVENTS = (AuditKind.REVIEW_APPROVED, AuditKind.REVIEW_REJECTED, AuditKind.VOTE_CAST)
ORDERINGS: Mapping[str, Sequence[str]] = {
    "deadline": ("deadline_at", "id"),
    "-received_at": ("-received_at", "-id"),
    "-priority": ("-priority", "deadline_at", "id"),
}
_QUEUE_COLUMNS = ("policy", "output_schema", "fields", "reason_codes")
_LISTED = (
    *("queue", "reference", "title", "envelopes", "error_name", "execution_arn", "state_name"),
    *("definition_revision", "received_at", "deadline_at", "deadline_source", "priority"),
    *("status", "lease_expires_at", "snoozed_until", "version", "decision"),
    *("assignee__email", "escalated_to__slug"),
)
_LISTED_OF_DECISION = tuple(
    f"decision__{name}"
    for name in (*("outcome", "by__email", "reason_code", "decided_at", "undo_until"),)
)
_DEFERRED = (
    "decision__callback",
    *(f"{queue}__{name}" for queue in ("queue", "escalated_to") for name in _QUEUE_COLUMNS),
)


def reviews(actor: Actor) -> ReviewQuerySet:
    """Returns the reviews that this actor may see, with what a response shows and without sealed bytes."""
    return shown(visibility.visible_reviews(actor))


def shown(rows: ReviewQuerySet) -> ReviewQuerySet:
    """Returns these rows with what a response shows of each, and without sealed bytes."""
    rows = rows.without_secrets()
    return rows.select_related("queue", "assignee", "decision__by", "escalated_to").defer(
        *_DEFERRED
    )


def listed(rows: ReviewQuerySet) -> ReviewQuerySet:
    """Returns these rows with what a list shows of each but its queue, which `with_queues` adds.

    Payloads, of up to a megabyte each, are not read, nor are long causes, reasons and edits.
    """
    rows = _pending(rows).select_related("decision__by").only(*_LISTED, *_LISTED_OF_DECISION)
    rows = rows.annotate(edits_length=Length(Cast("decision__edits", TextField())))
    return rows.annotate(
        reason_start=Left("decision__reason", TEXT_START),
        short_edits=Case(When(edits_length__lte=LONGEST_EDITS, then="decision__edits")),
    )


def _pending(rows: ReviewQuerySet) -> ReviewQuerySet:
    """The same of rows that are all pending, which have no decision."""
    rows = rows.select_related("assignee", "escalated_to").only(*_LISTED)
    return rows.annotate(cause_start=Left("error_cause", TEXT_START))


@Prepared
def first_pending(queues: Sequence[UUID]) -> QuerySet[ReviewTask]:
    """The pending reviews of these queues with the first deadlines: the usual page, and one more."""
    rows = _pending(ReviewTask.objects.pending().filter(queue__in=queues))
    return rows.order_by(*ORDERINGS["deadline"])[: DEFAULT_ROWS + 1]


def with_queues(rows: list[ReviewTask], known: Mapping[UUID, ReviewQueue]) -> list[ReviewTask]:
    """Returns these rows with their queues, of which these are known; the others are read."""
    missing = {row.queue_id for row in rows if row.queue_id not in known}
    found = ReviewQueue.objects.defer(*_QUEUE_COLUMNS).in_bulk(missing) if missing else {}
    for row in rows:
        row.queue = known.get(row.queue_id) or found[row.queue_id]
    return rows


def review(actor: Actor, review_id: UUID) -> ReviewTask:
    """Returns a review that this actor may see. Raises NotFound if it is hidden or missing."""
    row = reviews(actor).filter(pk=review_id).first()
    if row is None:
        raise NotFound
    return row


@dataclass(frozen=True)
class ReviewList:
    """What matches a ReviewFilter, its order, and the queues and statuses that it may have.

    `first` reads the rows of the first page and one more, if their statement is composed already.
    `listed` are the rows of all filters but the text, which `narrow` looks for. `has_index` says that one index
    serves all these queues and statuses together.
    """

    listed: ReviewQuerySet
    text: str
    order: Sequence[str]
    queues: Mapping[UUID, ReviewQueue]
    statuses: Sequence[str]
    has_index: bool
    first: Callable[[], list[ReviewTask]] | None = None

    @cached_property
    def rows(self) -> ReviewQuerySet:
        """The rows of all filters; a statement finds out how the text is to be looked for."""
        return self.listed.with_text(self.text) if self.text else self.listed

    def narrow(self, rows: QuerySet[ReviewTask], limit: int) -> QuerySet[ReviewTask]:
        """Leaves out rows without the text, or that cannot be among the first `limit`; see `pagination.page`."""
        several = len(self.queues) > 1 or len(self.statuses) > 1
        among = (list(self.queues), self.statuses) if several and not self.has_index else None
        return cast("ReviewQuerySet", rows).first_rows(limit, self.text, among)


def filtered(asked: Mapping[str, Any], actor: Actor) -> ReviewList:
    """Returns the reviews that match a ReviewFilter and that the actor may see: none of a hidden queue."""
    statuses = asked["status"] or [ReviewTask.Status.PENDING.value]
    ordering = asked["ordering"] or ("deadline" if statuses == ["pending"] else "-received_at")
    user = policy.active_user(actor)
    visible = _visible_queues(user=user.pk) if user else []
    queues = {row.pk: row for row in visible if asked["queue"] in {"", row.slug}}
    # The ids of the queues, in the place of the subqueries of `visible_reviews`: with one id PostgreSQL reads its
    # index in order instead of sorting all open reviews (8 ms, not 400, with 50,000 of them), and to build and
    # plan the subqueries took a quarter of the time of a list of 50.
    if asked["escalated_to"]:
        # Their own queue may be one that the actor sees nothing else of.
        rows = visibility.visible_reviews(actor).filter(escalated_to__slug=asked["escalated_to"])
        rows = rows.filter(queue__slug=asked["queue"]) if asked["queue"] else rows
    else:
        rows = ReviewTask.objects.filter(queue__in=list(queues))
    if set(statuses) == set(ReviewTask.Status.values) and ordering == "-received_at":
        statuses = []  # this order has an index without the status
    else:
        rows = rows.filter(status__in=statuses)
    if asked["reference"]:
        rows = rows.filter(reference=asked["reference"])
    if asked["assignee"]:
        rows = rows.held_by(actor.person) if asked["assignee"] == "me" else rows.unclaimed()
    has_index = bool(asked["escalated_to"] or asked["reference"] or asked["assignee"] == "me") or (
        ordering == "deadline" and statuses == ["pending"]
    )
    filters = ("escalated_to", "reference", "assignee", "q")
    is_plain = (ordering, statuses) == ("deadline", ["pending"]) and not any(
        map(asked.get, filters)
    )
    first = partial(first_pending, queues=list(queues)) if is_plain else None
    order = ORDERINGS[ordering]
    return ReviewList(rows, asked["q"], order, queues, statuses, has_index, first)


@Prepared
def _visible_queues(user: UUID) -> QuerySet[ReviewQueue]:
    """The queues that this user may see, with what a review shows of its own."""
    rows = visibility.visible_queues(Actor(User(pk=user), Surface.API))
    return rows.order_by().defer(*_QUEUE_COLUMNS)


def vote(on: ReviewTask, by: User, *, since: datetime | None = None) -> Vote:
    """Returns the user's latest vote on a review, or their first one since a time.

    `since` is when the request that cast the vote was stored, if it is repeated: other votes may have
    been cast after an undo.
    """
    cast = Vote.objects.filter(review=on, reviewer=by)
    if since is None:
        return cast.latest("cast_at", "pk")
    return cast.filter(cast_at__gte=since).earliest("cast_at", "pk")


def user_by_email(email: str) -> User:
    """Returns the active user with this e-mail address, or else an unsaved user without permissions.

    So a verb refuses an unknown address with the same message, and at the same point, as a user
    without the role: nobody learns from the API who has an account.
    """
    address = email.lower()
    found = User.objects.filter(email=address, is_active=True).first()
    return found or User(email=address, is_active=False)


def comments(of: ReviewTask) -> QuerySet[Comment]:
    """Returns the comments on a review."""
    return Comment.objects.filter(review=of).select_related("by")


def comment(actor: Actor, review_id: UUID, comment_id: UUID) -> Comment:
    """Returns a comment on a review that this actor may see. Raises NotFound."""
    return comments(review(actor, review_id)).get(pk=comment_id)


def events(of: ReviewTask) -> QuerySet[AuditEvent]:
    """Returns the audit trail of a review."""
    return _events_of(of.pk).select_related("on_behalf_of")


def _events_of(review_id: UUID) -> QuerySet[AuditEvent]:
    """Returns the audit events of a review by its id."""
    return AuditEvent.objects.filter(chain=audit.chain_of("review", review_id))


def vote_event(review_id: UUID, surface: str, reviewer: str, *, since: datetime) -> AuditEvent:
    """Returns the audit event of a reviewer's first vote through a surface since a time.

    `since` is when the idempotency key of the request was stored. A verb stores it first in its own
    transaction, so the request's event is the first one after it.
    """
    votes = _events_of(review_id).filter(kind__in=VOTE_EVENTS, surface=surface, actor_name=reviewer)
    return votes.filter(at__gte=since).earliest("seq")


def queue(actor: Actor, slug: str) -> ReviewQueue:
    """Returns a queue that this actor may see. Raises NotFound."""
    row = visibility.visible_queues(actor).filter(slug=slug).first()
    if row is None:
        raise NotFound
    return row


def queues(actor: Actor) -> QuerySet[ReviewQueue]:
    """Returns the queues that this actor may see, annotated with what waits in them.

    `waiting` counts open reviews up to COUNT_UP_TO + 1; `oldest_received_at` and `next_deadline_at`
    are null in a queue without open reviews.
    """
    open_here = ReviewTask.objects.pending().filter(queue=OuterRef("pk"))
    capped = ArraySubquery(open_here.values("pk")[: COUNT_UP_TO + 1])
    oldest = open_here.order_by().values("queue").annotate(oldest=Min("received_at"))
    return visibility.visible_queues(actor).annotate(
        waiting=Func(capped, function="CARDINALITY", output_field=IntegerField()),
        oldest_received_at=Subquery(oldest.values("oldest")),
        next_deadline_at=Subquery(
            open_here.order_by("deadline_at", "id").values("deadline_at")[:1]
        ),
    )


def orders(actor: Actor) -> OrderQuerySet:
    """Returns the orders that this actor may see, without their inputs. Raises NotAllowed if none."""
    return visibility.visible_orders(actor).defer("input")


def order(actor: Actor, order_id: str) -> list[OrderExecution]:
    """Returns the attempts at an order, latest first, MOST_ATTEMPTS of them. Raises NotAllowed or NotFound.

    All have the same input, which is read when it is asked for.
    """
    rows = list(orders(actor).attempts_at(order_id)[:MOST_ATTEMPTS])
    if not rows:
        raise NotFound
    return rows


def interventions(attempts: Iterable[OrderExecution]) -> QuerySet[OrderIntervention]:
    """Returns the interventions in these attempts, newest first, MOST_INTERVENTIONS of them."""
    rows = OrderIntervention.objects.filter(order__in=list(attempts)).defer("order__input")
    newest = rows.select_related("order", "created_by").order_by("-created_at", "-id")
    return newest[:MOST_INTERVENTIONS]


def order_batch(actor: Actor, batch_id: UUID) -> OrderBatch:
    """Returns a batch of orders. Raises NotAllowed or NotFound."""
    row = visibility.visible_batches(actor).defer("body").filter(pk=batch_id).first()
    if row is None:
        raise NotFound
    return row


def any_queue(slug: str) -> ReviewQueue:
    """Returns a queue, whoever asks. Raises NotFound."""
    row = ReviewQueue.objects.filter(slug=slug).first()
    if row is None:
        raise NotFound
    return row


def quarantine(actor: Actor) -> QuerySet[QuarantinedMessage]:
    """Returns the quarantined messages that this actor may see, without bytes. Raises NotAllowed if none."""
    rows = visibility.visible_quarantine(actor).select_related(
        "queue", "replayed_by", "discarded_by", "replay_request"
    )
    return rows.defer(
        "raw_body",
        "raw_body_sha256",
        "sealed_extras",
        *(f"queue__{name}" for name in _QUEUE_COLUMNS),
    )


def quarantined_message(actor: Actor, message_id: UUID) -> QuarantinedMessage:
    """Returns a quarantined message. Raises NotAllowed or NotFound."""
    row = quarantine(actor).filter(pk=message_id).first()
    if row is None:
        raise NotFound
    return row


def redacted_body(of: QuarantinedMessage) -> str | None:
    """Returns the body with task tokens redacted, None if no key of this service opens it."""
    try:
        return stored_body(of)
    except KeyMissing:
        return None
