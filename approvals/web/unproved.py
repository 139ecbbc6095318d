"""Closes a review that is past its deadline and of which nothing can be proved."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from approvals.actions import lifecycle
from approvals.exceptions import ApprovalsError
from approvals.untrusted import display
from approvals.web import reviews
from approvals.web.decorators import DeskRequest, desk
from approvals.web.refusals import refusal_text


@desk("POST")
def close(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """Close the review with a reason; if that is refused, the page is shown again with what was typed."""
    review = reviews.find(request.access, review_id)
    reason = request.POST.get("reason", "")
    try:
        lifecycle.close_unproved(review_id, reason, by=request.actor)
    except ApprovalsError as error:
        context = reviews.page(request.access, review)
        refused = {"close_reason": reason, "close_refusal": refusal_text(error, request.access)}
        return render(request, "approvals/review.html", context | refused, status=error.status)
    messages.success(request, f"{display.visible(review.heading)} is closed.")
    return redirect("review", review_id)
