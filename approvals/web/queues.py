"""A queue's list, and the button that claims the review that is due next."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url

from approvals import policy
from approvals.actions import assignment
from approvals.policy import Action
from approvals.web import review_filters, review_rows
from approvals.web.decorators import DeskRequest, desk, reviews_of
from approvals.web.pagination import page_at_cursor


@desk("GET")
def show(request: DeskRequest, slug: str) -> HttpResponse:
    """One page of a queue's reviews, filtered as the URL says."""
    queue = request.access.queue(slug)
    everything = reviews_of(request.actor).filter(queue=queue)
    filtered = review_filters.apply_filters(everything, request.GET, request)
    rows = review_rows.lean(filtered.rows)
    page = page_at_cursor(rows, filtered.order, request)
    now = request.access.now
    context = {
        "now": now,
        "queue": queue,
        "rows": review_rows.rows_of(page.rows, now),
        "page": page,
        "filtered": filtered,
        "query": urlencode(filtered.active),
        "can_decide": request.access.may(Action.CLAIM, queue).allowed,
    }
    return render(request, "approvals/queue.html", context)


@desk("POST")
def take_next(request: DeskRequest, slug: str) -> HttpResponse:
    """Claim the review that is due first among those that the posted filters show."""
    queue = request.access.queue(slug)
    policy.may(Action.CLAIM, queue, by=request.actor).or_raise()
    everything = reviews_of(request.actor).filter(queue=queue)
    filtered = review_filters.apply_filters(everything, request.POST, request)
    review = assignment.claim_next(
        filtered.rows.order_by(*review_rows.BY_DEADLINE), by=request.actor
    )
    if review is not None:
        return redirect("review", review.pk)
    messages.info(request, f"Nothing is waiting in {queue.name}.")
    query = urlencode(filtered.active)
    return redirect(resolve_url("queue", slug) + (f"?{query}" if query else ""))
