"""A queue's list, and the one button that hands out what is due next."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url

from approvals import pagination, policy
from approvals.actions import assignment
from approvals.exceptions import Invalid
from approvals.policy import Action
from approvals.records import database_time
from approvals.web import review_list
from approvals.web.decorators import DeskRequest, desk, queue_of, reviews_of

PAGE = 25


@desk("GET")
def show(request: DeskRequest, slug: str) -> HttpResponse:
    """One page of a queue's reviews, narrowed as the URL says."""
    queue = queue_of(request.actor, slug)
    everything = reviews_of(request.actor).filter(queue=queue)
    narrowed = review_list.narrow(everything, request.GET, request)
    rows = review_list.lean(narrowed.rows)
    try:
        page = pagination.page(
            rows, narrowed.order, size=PAGE, cursor=request.GET.get("cursor", "")
        )
    except Invalid:  # a bent or outdated link still leads to the list
        page = pagination.page(rows, narrowed.order, size=PAGE)
    now = database_time.now()
    context = {
        "now": now,
        "queue": queue,
        "lines": [review_list.Line(review, now) for review in page.rows],
        "page": page,
        "narrowed": narrowed,
        "query": urlencode(narrowed.active),
        "can_decide": policy.may(Action.CLAIM, queue, by=request.actor).allowed,
    }
    return render(request, "approvals/queue.html", context)


@desk("POST")
def take_next(request: DeskRequest, slug: str) -> HttpResponse:
    """Claim what is due first among what the posted filters show."""
    queue = queue_of(request.actor, slug)
    policy.may(Action.CLAIM, queue, by=request.actor).or_raise()
    everything = reviews_of(request.actor).filter(queue=queue)
    narrowed = review_list.narrow(everything, request.POST, request)
    review = assignment.claim_next(
        narrowed.rows.order_by(*review_list.BY_DEADLINE), by=request.actor
    )
    if review is not None:
        return redirect("review", review.pk)
    messages.info(request, f"Nothing is waiting in {queue.name}.")
    query = urlencode(narrowed.active)
    return redirect(resolve_url("queue", slug) + (f"?{query}" if query else ""))
