"""The page "Your turn": what a person holds, what waits in their queues, what became of their decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Prefetch, Q
from django.http import HttpResponse
from django.shortcuts import redirect, render

from approvals import policy
from approvals.actors import Actor
from approvals.models import Decision, ReviewQueue, ReviewTask
from approvals.records import database_time, outbox
from approvals.web import review_list
from approvals.web.decorators import DeskRequest, desk, reviews_of
from approvals.web.delivery_status import DeliveryStatus, delivery_status

COUNT_UP_TO = 100
SOON = timedelta(hours=1)
MAX_HELD, MAX_FOUND, MAX_DECISIONS = 20, 6, 5


@dataclass(frozen=True)
class QueueSummary:
    """What waits in a queue; `open` counts up to COUNT_UP_TO + 1, because a full count is slow."""

    queue: ReviewQueue
    can_decide: bool
    open: int
    oldest: datetime | None
    due_soon: int

    @property
    def counted(self) -> str:
        """The number of open reviews as a page shows it, such as `7` or `100+`."""
        return f"{COUNT_UP_TO}+" if self.open > COUNT_UP_TO else str(self.open)


@desk("GET")
def show(request: DeskRequest) -> HttpResponse:
    """The first page after signing in; `?q=` leads to the review of that reference if there is only one."""
    wanted = request.GET.get("q", "").replace("\0", "").strip()[:256]
    found = with_reference(request.actor, wanted) if wanted else []
    if len(found) == 1:
        return redirect("review", found[0].pk)
    now = database_time.now()
    mine = reviews_of(request.actor).pending().held_by(request.actor.person)
    context = {
        "now": now,
        "wanted": wanted,
        "found": [review_list.ReviewRow(review, now) for review in found],
        "mine": [
            review_list.ReviewRow(review, now)
            for review in review_list.lean(mine).order_by(*review_list.BY_DEADLINE)[:MAX_HELD]
        ],
        "queues": queue_summaries(request.actor, now),
        "decided": last_decisions(request.actor, now),
    }
    return render(request, "approvals/home.html", context)


def with_reference(actor: Actor, reference: str) -> list[ReviewTask]:
    """Reviews of exactly this reference that this person may see, the latest first."""
    same = review_list.lean(reviews_of(actor).filter(reference=reference))
    return list(same.order_by(*review_list.BY_ARRIVAL)[:MAX_FOUND])


def queue_summaries(actor: Actor, now: datetime) -> list[QueueSummary]:
    """Every queue this person sees, with capped counts of its open reviews."""
    deciding = set(policy.decidable_queues(actor).values_list("pk", flat=True))
    found = []
    for queue in policy.visible_queues(actor):
        first = reviews_of(actor).filter(queue=queue).pending().order_by(*review_list.BY_DEADLINE)
        counts = first[: COUNT_UP_TO + 1].aggregate(
            open=Count("id"),
            oldest=Min("received_at"),
            due_soon=Count("id", filter=Q(deadline_at__lte=now + SOON)),
        )
        found.append(QueueSummary(queue, queue.pk in deciding, **counts))
    return found


def last_decisions(actor: Actor, now: datetime) -> list[tuple[Decision, DeliveryStatus]]:
    """This person's latest decisions, each with what became of it."""
    reviews = reviews_of(actor)
    decisions = list(
        Decision.objects.filter(by=actor.person, review__in=reviews)
        .prefetch_related(Prefetch("review", reviews.defer("payload").select_related("queue")))
        .select_related("by")
        .defer("callback")
        .order_by("-decided_at")[:MAX_DECISIONS]
    )
    entries = outbox.callback_entries(each.pk for each in decisions)
    return [(each, delivery_status(each, entries.get(each.pk), actor, now)) for each in decisions]
