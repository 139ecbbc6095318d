"""A queue's list, and the button that claims the review that is due next."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from django.db.models import IntegerField, QuerySet, Subquery
from django.http import HttpResponse
from django.shortcuts import redirect, render

from approvals import pagination, policy
from approvals.models import ReviewQueue, ReviewTask
from approvals.models.bulk_jobs import MAX_ITEMS
from approvals.pagination import Page
from approvals.policy import Action
from approvals.records.prepared_queries import Prepared
from approvals.web import (
    list_filters,
    review_filters,
    review_rows,
    saved_views,
    streams,
    viewed_lists,
)
from approvals.web.decorators import DeskRequest, desk
from approvals.web.pagination import PAGE_SIZE, page_at_cursor
from approvals.web.review_filter_set import PENDING
from approvals.web.review_filters import FilteredReviews
from approvals.web.review_rows import BY_DEADLINE

MAX_ESCALATED = 25


@desk("GET")
def show(request: DeskRequest, slug: str) -> HttpResponse:
    """One page of a queue's reviews, filtered as the URL says."""
    queue = request.access.queue(slug)
    everything = ReviewTask.objects.without_secrets().filter(queue=queue)
    filtered = review_filters.apply_filters(everything, request.GET, request)
    page = _page(request, queue, filtered)
    query = streams.filter_query(filtered)
    now = request.access.now
    escalated = escalated_to(queue=queue.pk)
    if filtered.chips:  # the list has those of the queue itself as far as the filters find them
        escalated = [review for review in escalated if review.queue_id != queue.pk]
    above = {review.pk for review in escalated}
    context = {
        "now": now,
        **saved_views.context(request.access, viewed_lists.reviews_in(queue), query),
        "queue": queue,
        "escalated": review_rows.rows_of(escalated, now),
        "for_leads": all(row.is_for_leads for row in escalated),
        "rows": review_rows.rows_of((row for row in page.rows if row.pk not in above), now),
        "page": page,
        "filtered": filtered,
        "count": _count(filtered, page),
        "stream_of_list": streams.link(query) if filtered.status == PENDING else "",
        "can_select": filtered.status == PENDING
        and request.access.may_decide_in_bulk(queue).allowed,
        "most": MAX_ITEMS,
        "opened": _opened(request),
        "can_decide": request.access.may(Action.CLAIM, queue).allowed,
    }
    return render(request, "approvals/queue.html", context)


def _page(request: DeskRequest, queue: ReviewQueue, filtered: FilteredReviews) -> Page[ReviewTask]:
    """One page of the list; the first of all open reviews, which is asked for most, is composed once."""
    if not filtered.asked and not request.GET.get("cursor"):
        return pagination.first(open_reviews(queue=queue.pk), BY_DEADLINE, size=PAGE_SIZE)
    rows = review_rows.lean(filtered.listed)
    return page_at_cursor(rows, filtered.order, request, filtered.narrow_in(queue))


class _Number(Subquery):
    """How many rows a query set has."""

    template = "(SELECT count(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


@Prepared
def open_reviews(queue: UUID) -> QuerySet[ReviewTask]:
    """The open reviews of this queue whose deadline is first: a page, and one more.

    With each is the number of all there are, up to the first that a page does not say.
    """
    rows = ReviewTask.objects.without_secrets().pending().filter(queue=queue)
    number = _Number(rows.values("pk")[: list_filters.COUNT_UP_TO + 1])
    return review_rows.lean(rows).annotate(number=number).order_by(*BY_DEADLINE)[: PAGE_SIZE + 1]


def _count(filtered: FilteredReviews, page: Page[ReviewTask]) -> str:
    """How many reviews the list has, as a page shows it; `open_reviews` has counted them."""
    number: int | None = getattr(page.rows[0], "number", None) if page.rows else None
    return filtered.counted(page) if number is None else list_filters.capped(number)


@Prepared
def escalated_to(queue: UUID) -> QuerySet[ReviewTask]:
    """The open reviews that wait for the people of this queue, the most urgent first."""
    rows = ReviewTask.objects.without_secrets().pending().filter(escalated_to=queue)
    return review_rows.lean(rows).order_by(*review_rows.BY_URGENCY)[:MAX_ESCALATED]


def _opened(request: DeskRequest) -> UUID | None:
    """The review that the URL opens beside the list."""
    with suppress(ValueError):
        return UUID(request.GET.get(streams.OPEN, ""))
    return None


@desk("POST")
def take_next(request: DeskRequest, slug: str) -> HttpResponse:
    """Open a review that this person holds, else claim the most urgent of those the posted filters show."""
    queue = request.access.queue(slug)
    policy.may(Action.CLAIM, queue, by=request.actor).or_raise()
    everything = request.access.reviews().filter(queue=queue)
    query = streams.filter_query(review_filters.apply_filters(everything, request.POST, request))
    streams.begin(request, queue)
    return redirect(streams.after(request, queue, query))
