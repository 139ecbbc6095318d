"""Claims on the desk: claim, extend, release, take over and hand over."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url

from approvals import policy
from approvals.actions import assignment
from approvals.exceptions import Invalid
from approvals.records import database_time
from approvals.untrusted import display
from approvals.web import deferrals, review_rows, reviews
from approvals.web.decorators import DeskRequest, desk
from approvals.web.streams import onward, query_of

ROW = "row"  # what a list names as htmx's target for one of its rows


@desk("POST")
def claim(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """Claim the review; with `override`, take over somebody's claim. In a list, htmx gets its row."""
    reviews.find(request.access, review_id)
    override = request.POST.get("override") == "yes"
    assignment.claim(review_id, by=request.actor, override=override)
    if request.htmx.target == ROW:
        return _row(request, review_id)
    return redirect(resolve_url("review", review_id) + onward(request))


@desk("POST")
def renew(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """Extend the claim by another lease; for htmx the fragment that counts it down."""
    reviews.find(request.access, review_id)
    review = assignment.renew(review_id, by=request.actor)
    if request.htmx:
        now = database_time.now()
        context = {"review": review, "now": now, "lease_left": reviews.lease_left(review, now)}
        return render(request, "approvals/_lease.html", context)
    return redirect(resolve_url("review", review_id) + onward(request))


@desk("POST")
def release(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """Give the review back to the queue. In a list, htmx gets its row."""
    review = reviews.find(request.access, review_id)
    assignment.release(review_id, by=request.actor)
    if request.htmx.target == ROW:
        return _row(request, review_id)
    messages.info(
        request, f"{display.visible(review.reference or review.heading)[:60]} is back in the queue."
    )
    return redirect(resolve_url("review", review_id) + onward(request))


def _row(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """The row of a review as lists show it."""
    now = database_time.now()
    rows = review_rows.rows_of([reviews.find(request.access, review_id)], now)
    return render(request, "approvals/_review_rows.html", {"now": now, "rows": rows})


@desk("POST")
def reassign(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """Hand the review to somebody else who may decide it; in a stream the next review follows."""
    review = reviews.find(request.access, review_id)
    to = policy.deciders_of(review).filter(email=request.POST.get("to", "").lower()).first()
    if to is None:
        raise Invalid("Choose somebody who may decide here.", pointer="/to")
    assignment.reassign(review_id, to, by=request.actor)
    whose = "You have" if to == request.user else f"{display.visible(to.display)} has"
    messages.success(request, f"{whose} it now.")
    if query_of(request) is not None:
        return deferrals.go_on(request, review)
    return redirect("review", review_id)
