"""What people say about a review beside their decision."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url

from approvals.actions import discussion
from approvals.exceptions import ApprovalsError
from approvals.web import reviews, wording
from approvals.web.decorators import DeskRequest, desk


@desk("POST")
def add(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """Say something about a review; a refusal shows the page again with what was typed."""
    review = reviews.find(request.actor, review_id)
    text = request.POST.get("text", "")
    try:
        discussion.comment(review_id, text, by=request.actor)
    except ApprovalsError as error:
        context = reviews.page(request.actor, review)
        told = {"comment_text": text, "comment_problem": wording.refusal(error, request.actor)}
        return render(request, "approvals/review.html", context | told, status=error.status)
    return redirect(f"{resolve_url('review', review_id)}#comments")
