"""Reviewing one review after the other: which is next in a filtered list, and what was done once none is left.

The filter travels in the URL as `stream`, a query string of the queue's list; it may be empty. `split` beside it
says that the review is open in the list's right half, where the next one goes too. When a person began to work
through a queue is kept in their session.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from statistics import median
from urllib.parse import quote, urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, QueryDict
from django.shortcuts import resolve_url
from django.utils.dateparse import parse_datetime

from approvals.actions import assignment
from approvals.exceptions import ApprovalsError
from approvals.models import Decision, ReviewQueue
from approvals.models.review_tasks import ReviewQuerySet
from approvals.spans import span
from approvals.web import review_filters, review_rows
from approvals.web.decorators import DeskRequest

PARAMETER = "stream"
SPLIT, OPEN = "split", "open"  # parameters of a review's page, and of the list that shows it
SESSION = "streams"
LONGEST = 1_000  # characters of a filter
MOST_DECISIONS = 500  # of which the median time is computed


def query_of(request: HttpRequest) -> str | None:
    """The filter that this request's person works through; None if they opened a review by itself."""
    value = request.GET.get(PARAMETER)
    return None if value is None else value[:LONGEST]


def onward(request: HttpRequest) -> str:
    """What the links of a page append to stay in the stream: a query string, or nothing."""
    query = query_of(request)
    split = is_split(request)
    if query is None:
        return f"?{SPLIT}=1" if split else ""
    return link(query, split=split)


def link(query: str, *, split: bool = False) -> str:
    """The query string that opens a review in the stream of this filter."""
    return f"?{PARAMETER}={quote(query, safe='')}{f'&{SPLIT}=1' if split else ''}"


def is_split(request: HttpRequest) -> bool:
    """Whether this request comes from a review that is open beside its list."""
    return request.GET.get(SPLIT) == "1"


def split_url(queue: ReviewQueue, query: str, review_id: UUID) -> str:
    """The list of a queue with this filter, and with a review open beside it."""
    return list_url(queue, f"{query}&{OPEN}={review_id}" if query else f"{OPEN}={review_id}")


def begin(request: DeskRequest, queue: ReviewQueue) -> None:
    """Remember when this person began to work through a queue, unless they are at it already."""
    started = dict(request.session.get(SESSION, {}))
    if queue.slug not in started:
        request.session[SESSION] = started | {queue.slug: request.access.now.isoformat()}


def next_url(request: DeskRequest, queue: ReviewQueue, query: str) -> str | None:
    """The page of the next review of a filter, now held by this person; None if none is left.

    A review that they hold comes before one that nobody holds, and one that was escalated to the queue
    before its own: the highest priority first, then the earliest deadline. What they have skipped since they
    began is left out; it is offered again once they start anew.
    """
    both = [_rows(request, queue, query, escalated=escalated) for escalated in (True, False)]
    for rows in both:
        if held := _resume(request, rows):
            return resolve_url("review", held) + link(query, split=is_split(request))
    for rows in both:
        if claimed := _claim(request, queue, rows):
            return resolve_url("review", claimed) + link(query, split=is_split(request))
    return None


def after(request: DeskRequest, queue: ReviewQueue, query: str) -> str:
    """Where this person goes on after a review: to the next one, or to the list, which says what was done."""
    following = next_url(request, queue, query)
    if following is None:
        messages.info(request, clear_message(request, queue))
    return following or list_url(queue, query)


def list_url(queue: ReviewQueue, query: str) -> str:
    """The list of a queue with this filter."""
    return resolve_url("queue", queue.slug) + (f"?{query}" if query else "")


def clear_message(request: DeskRequest, queue: ReviewQueue) -> str:
    """What was done since this person began, now that nothing is left for them; ends the stream."""
    started = dict(request.session.get(SESSION, {}))
    since = parse_datetime(started.pop(queue.slug, ""))
    request.session[SESSION] = started
    times = _decided_since(request, queue, since) if since else []
    if not since or not times:
        return f"Nothing is waiting for you in {queue.name}."
    gaps = [
        (later - earlier).total_seconds()
        for earlier, later in zip([since, *times], times, strict=False)
    ]
    return (
        f"Queue clear: {len(times)} decided, median time {span(timedelta(seconds=median(gaps)))}."
    )


def filter_query(rows: review_filters.FilteredReviews) -> str:
    """The filter of a list as a stream carries it."""
    return urlencode(rows.active)


def _rows(
    request: DeskRequest, queue: ReviewQueue, query: str, *, escalated: bool
) -> ReviewQuerySet:
    """The reviews of a filter in their order: the queue's own, or those that were escalated to it."""
    where = {"escalated_to" if escalated else "queue": queue}
    everything = request.access.reviews().filter(**where)
    filtered = review_filters.apply_filters(everything, QueryDict(query), request)
    return filtered.rows.order_by(*review_rows.BY_URGENCY)


def _resume(request: DeskRequest, rows: ReviewQuerySet) -> UUID | None:
    """A review that this person holds already, its claim extended."""
    mine = rows.held_by(request.actor.person).before_deadline()
    held = mine.values_list("pk", flat=True).first()
    try:
        if held is not None:
            assignment.renew(held, by=request.actor)
    except ApprovalsError:  # the claim has just ended: another one is next
        return None
    return held


def _claim(request: DeskRequest, queue: ReviewQueue, rows: ReviewQuerySet) -> UUID | None:
    """A review that nobody holds and that this person has not skipped since they began."""
    began = _began(request, queue) or request.access.now
    claimed = assignment.claim_next(rows, by=request.actor, but_skipped_since=began)
    return claimed.pk if claimed else None


def _began(request: DeskRequest, queue: ReviewQueue) -> datetime | None:
    return parse_datetime(request.session.get(SESSION, {}).get(queue.slug, ""))


def _decided_since(request: DeskRequest, queue: ReviewQueue, since: datetime) -> list[datetime]:
    """When this person decided here since then, in order."""
    here = Q(review__queue=queue) | Q(review__escalated_to=queue)
    mine = Decision.objects.filter(here, by=request.actor.person, undone_at=None)
    times = mine.filter(decided_at__gte=since).order_by("-decided_at")
    return list(times.values_list("decided_at", flat=True)[:MOST_DECISIONS])[::-1]
