"""Comments on a review, and the mentions in them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url

from approvals import visibility
from approvals.actions import discussion
from approvals.exceptions import ApprovalsError
from approvals.models import Mention
from approvals.models.review_tasks import SECRETS
from approvals.records.prepared_queries import Prepared
from approvals.web import reviews
from approvals.web.access import Access
from approvals.web.decorators import DeskRequest, desk
from approvals.web.refusals import refusal_text
from approvals.web.streams import onward

MAX_MENTIONS = 10


@desk("POST")
def add(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """Add a comment; if it is refused, the page is shown again with what was typed."""
    review = reviews.find(request.access, review_id)
    text = request.POST.get("text", "")
    try:
        discussion.comment(review_id, text, by=request.actor)
    except ApprovalsError as error:
        context = reviews.page(request.access, review)
        refused = {"comment_text": text, "comment_refusal": refusal_text(error, request.access)}
        return render(request, "approvals/review.html", context | refused, status=error.status)
    return redirect(f"{resolve_url('review', review_id)}{onward(request)}#latest-comment")


@desk("POST")
def dismiss(request: DeskRequest, mention_id: UUID) -> HttpResponse:
    """Take a mention off the first page of the person who is mentioned."""
    discussion.dismiss(mention_id, by=request.actor)
    return redirect("home")


@Prepared
def mentions_of(person: UUID, queues: Sequence[UUID]) -> QuerySet[Mention]:
    """The latest mentions that this person has not dismissed, in reviews that they see by these queues."""
    rows = Mention.objects.filter(user=person, dismissed_at=None)
    seen = rows.filter(visibility.in_queues(queues, "comment__review")).order_by("-id")
    shown = seen.select_related("comment__by", "comment__review")
    unshown = ("payload", "flags", "error_cause", *SECRETS)
    return shown.defer(*(f"comment__review__{name}" for name in unshown))[:MAX_MENTIONS]


def mentions(access: Access) -> list[Mention]:
    """The latest mentions of this person that they have not dismissed, in reviews that they may see."""
    return mentions_of(person=access.actor.person.pk, queues=access.queue_ids)
