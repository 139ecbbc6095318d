"""Comments on a review."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url

from approvals.actions import discussion
from approvals.exceptions import ApprovalsError
from approvals.web import reviews
from approvals.web.decorators import DeskRequest, desk
from approvals.web.refusals import refusal_text


@desk("POST")
def add(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """Add a comment; if it is refused, the page is shown again with what was typed."""
    review = reviews.find(request.actor, review_id)
    text = request.POST.get("text", "")
    try:
        discussion.comment(review_id, text, by=request.actor)
    except ApprovalsError as error:
        context = reviews.page(request.access, review)
        refused = {"comment_text": text, "comment_refusal": refusal_text(error, request.actor)}
        return render(request, "approvals/review.html", context | refused, status=error.status)
    return redirect(f"{resolve_url('review', review_id)}#comments")
