"""The page "Your turn": what a person holds, what waits in their queues, what became of their decisions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, cast
from uuid import UUID

from django.db.models import (
    BooleanField,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
)
from django.db.models.functions import Cast, Concat, JSONObject, Now
from django.http import HttpResponse
from django.shortcuts import redirect, render

from approvals import broken_rows, visibility
from approvals.actors import Actor
from approvals.broken_rows import BrokenRow
from approvals.models import AuditEvent, Decision, ReviewQueue, ReviewTask, SavedView
from approvals.models.review_search import ANYWHERE, same_reference
from approvals.models.review_tasks import SECRETS
from approvals.policy import Action
from approvals.records import audit, outbox, statements
from approvals.records.audit_kinds import AuditKind
from approvals.records.prepared_queries import Prepared
from approvals.web import comments, review_rows, saved_views
from approvals.web.access import Access
from approvals.web.decorators import DeskRequest, desk
from approvals.web.delivery_status import DeliveryStatus, delivery_status
from approvals.web.review_filter_set import LONGEST_TEXT
from approvals.web.saved_views import ViewLink

COUNT_UP_TO = 100
SOON = timedelta(hours=1)
UNSHOWN = ("payload", "flags", "error_cause")
# The last event about a review's claim: by whom it was handed over, if it was.
_CLAIMS = (AuditKind.REVIEW_CLAIMED, AuditKind.REVIEW_RELEASED, AuditKind.REVIEW_REASSIGNED)
_CHAIN = Concat(Value(audit.chain_of("review", "")), Cast(OuterRef("pk"), TextField()))
_LAST_CLAIM = (
    AuditEvent.objects.filter(chain=_CHAIN, kind__in=_CLAIMS)
    .order_by("-seq")
    .values(event=JSONObject(kind="kind", by="actor_name", name="actor__name"))[:1]
)
MAX_HELD, MAX_FOUND, MAX_DECISIONS, MAX_CARDS = 20, 25, 5, 6
# Of each queue at most as many reviews as are counted, those that are due first, by their index, and the
# saved views that the person may see.
_COUNTS = """
    SELECT queue.id, ARRAY(
        SELECT jsonb_build_object('id', id, 'name', name, 'query', query, 'shared', shared)
        FROM approvals_savedview
        WHERE queue_id = queue.id AND revoked_at IS NULL AND (shared OR owner_id = %s)
        ORDER BY shared DESC, name, id LIMIT %s
    ), counted.* FROM unnest(%s::uuid[]) AS queue (id) CROSS JOIN LATERAL (
        SELECT count(*), min(received_at), count(*) FILTER (WHERE deadline_at <= due.soon),
            count(*) FILTER (WHERE free), count(*) FILTER (WHERE free AND deadline_at <= due.soon)
        FROM (
            SELECT received_at, deadline_at, (lease_expires_at > now()) IS NOT TRUE AS free
            FROM approvals_reviewtask
            WHERE queue_id = queue.id AND status = 'pending' ORDER BY deadline_at, id LIMIT %s
        ) AS first, (SELECT %s::timestamptz AS soon) AS due
    ) AS counted
"""


@dataclass(frozen=True)
class QueueSummary:
    """What waits in a queue; `open` counts up to COUNT_UP_TO + 1, because a full count is slow.

    The other numbers are of those that were counted: due within the hour, held by nobody, and both.
    """

    queue: ReviewQueue
    can_decide: bool
    views: list[ViewLink]
    open: int
    oldest: datetime | None
    due_soon: int
    unclaimed: int
    unclaimed_due: int

    @property
    def counted(self) -> str:
        """The number of open reviews as a page shows it, such as `7` or `100+`."""
        return f"{COUNT_UP_TO}+" if self.open > COUNT_UP_TO else str(self.open)

    @property
    def counted_unclaimed(self) -> str:
        """The number of reviews that nobody holds, as `counted`."""
        more = self.open > COUNT_UP_TO
        return f"{min(self.unclaimed, COUNT_UP_TO)}{'+' if more else ''}"

    @property
    def need(self) -> tuple[Any, ...]:
        """Sorts queues by the help they need: what is due and unclaimed, then what has waited longest."""
        waits = self.oldest.timestamp() if self.oldest else float("inf")
        free = bool(self.unclaimed)
        return (not (self.can_decide and free), not free, -self.unclaimed_due, waits)


@desk("GET")
def show(request: DeskRequest) -> HttpResponse:
    """The first page after signing in; `?q=` leads to the one review of exactly that name, or lists the found."""
    wanted = request.GET.get("q", "").replace("\0", "").strip()[:LONGEST_TEXT]
    exact = named(request.access, wanted) if wanted else []
    if len(exact) == 1:
        return redirect("review", exact[0])
    found = search(request.access, wanted) if wanted else []
    now = request.access.now
    summaries = queue_summaries(request.access, now)
    views = [link for each in summaries for link in each.views]
    context = {
        "now": now,
        "wanted": wanted,
        "found": review_rows.rows_of(found[:MAX_FOUND], now),
        "found_more": len(found) > MAX_FOUND,
        **waiting_for_me(request.access, now),
        "mentions": [] if wanted else comments.mentions(request.access),
        "views": [] if wanted else saved_views.in_order(views)[: saved_views.MAX_ON_HOME],
        "queues": summaries[:MAX_CARDS],
        "more_queues": summaries[MAX_CARDS:],
        "may_decide": any(each.can_decide for each in summaries),
        # Where the key for it starts reviewing.
        "start": next((each.queue for each in summaries if each.can_decide and each.open), None),
        "decided": [] if wanted else last_decisions(request.access, now),
    }
    return render(request, "approvals/home.html", context)


@Prepared
def waiting_for(person: UUID, queues: Sequence[UUID]) -> QuerySet[ReviewTask]:
    """The open reviews that this person holds, and those escalated to these queues, which are theirs."""
    held = Q(assignee=person, lease_expires_at__gt=Now())
    rows = (
        visibility.reviews_in(queues)
        .without_secrets()
        .pending()
        .filter(held | Q(escalated_to__in=queues))
    )
    rows = review_rows.lean(rows).annotate(
        held=ExpressionWrapper(held, BooleanField()), last_claim=Subquery(_LAST_CLAIM)
    )
    ordered = rows.order_by(F("held").desc(nulls_last=True), *review_rows.BY_DEADLINE)
    return ordered[: MAX_HELD * 2]


def waiting_for_me(access: Access, now: datetime) -> dict[str, Any]:
    """What this person holds, and what was escalated to queues of theirs and they may decide."""
    mine, escalated = [], []
    for review in waiting_for(person=access.actor.person.pk, queues=access.queue_ids):
        if review.is_held(now) and review.assignee_id == access.actor.person.pk:
            mine.append(review)
            cast("Any", review).handed_by = _handed_by(review, access.actor)
        elif access.may(Action.DECIDE, review).allowed:
            escalated.append(review)
    return {
        "mine": review_rows.rows_of(mine, now),
        "escalated": review_rows.rows_of(escalated, now),
    }


def named(access: Access, text: str) -> list[UUID]:
    """Up to two reviews that this person may see and whose reference, in any case, id or ARN is this text."""
    same = same_reference(text) | Q(execution_arn=text)
    with suppress(ValueError):
        same |= Q(pk=UUID(text))
    return list(access.reviews().filter(same).values_list("pk", flat=True)[:2])


def search(access: Access, text: str) -> list[ReviewTask]:
    """The latest reviews that this person may see and that have this text; one more than a page shows."""
    rows = review_rows.lean(access.reviews().filter(ANYWHERE)).order_by(*review_rows.BY_ARRIVAL)
    return list(rows.first_with_text(text, MAX_FOUND + 1)[: MAX_FOUND + 1])


def _handed_by(review: ReviewTask, actor: Actor) -> str:
    """The name of who handed a review over to this person; empty if they claimed it themselves."""
    last = cast("Any", review).last_claim or {}
    if last.get("kind") != AuditKind.REVIEW_REASSIGNED or last.get("by") == actor.name:
        return ""
    return str(last.get("name") or last.get("by", "").split("@")[0])


def queue_summaries(access: Access, now: datetime) -> list[QueueSummary]:
    """Every queue this person sees, where help is needed most first, in one statement.

    Counts of its open reviews are capped. Each has its saved views.
    """
    parameters: list[Any] = [
        *(access.actor.person.pk, saved_views.MAX_ON_HOME),
        *([queue.pk for queue in access.queues], COUNT_UP_TO + 1, now + SOON),
    ]
    counts = {row[0]: row[1:] for row in statements.all_rows(_COUNTS, parameters)}
    return sorted(
        (_summary(access, queue, *counts[queue.pk]) for queue in access.queues),
        key=attrgetter("need"),
    )


def _summary(access: Access, queue: ReviewQueue, views: list[str], *counts: Any) -> QueueSummary:
    links = [saved_views.link(access, SavedView(**json.loads(view), queue=queue)) for view in views]
    return QueueSummary(queue, access.may(Action.DECIDE, queue).allowed, links, *counts)


@Prepared
def decisions_of(person: UUID, queues: Sequence[UUID]) -> QuerySet[Decision]:
    """This person's latest decisions on reviews that they see by these queues, which are theirs."""
    rows = Decision.objects.filter(visibility.in_queues(queues, "review"), by=person)
    unshown = ("callback", "edits", *(f"review__{name}" for name in (*UNSHOWN, *SECRETS)))
    return rows.select_related("review").defer(*unshown).order_by("-decided_at")[:MAX_DECISIONS]


def last_decisions(
    access: Access, now: datetime
) -> list[tuple[Decision, DeliveryStatus] | BrokenRow]:
    """This person's latest decisions, each with what became of it."""
    decisions = decisions_of(person=access.actor.person.pk, queues=access.queue_ids)
    entries = outbox.callback_entries(each.pk for each in decisions)
    return broken_rows.all_shown(
        decisions,
        lambda each: (each, delivery_status(each, entries.get(each.pk), access, now)),
    )
