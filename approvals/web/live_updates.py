"""What has changed since a page was made: fragments that an open page asks for, and that change nothing.

A page asks every few seconds, and at once when a hint comes. The answer is 204 while the page is right.
Rows of a list never move by themselves: a line says how many reviews are new, and shows them on request.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.dateparse import parse_datetime

from approvals.exceptions import Invalid
from approvals.untrusted import display
from approvals.web import review_filters, reviews
from approvals.web.decorators import DeskRequest, desk

COUNT_UP_TO = 99
# The member of a request's environment by which the server says that it can hold a stream open.
STREAMS = "countersign.streams"


def stream(request: HttpRequest) -> HttpResponseBase:
    """What a stream of this person carries, for the server (config.live_events), which opens it.

    These are hints of their queues, and on the page of a review who else has it open.

    204, after which a browser does not ask again, where the server has no streams and for who has not
    signed in: an answer that is no stream would be an error in each open page of a session that has ended.
    """
    if STREAMS not in request.META or not request.user.is_authenticated:
        return HttpResponse(status=204)
    return _allowed(request)


@desk("GET")
def _allowed(request: DeskRequest) -> HttpResponse:
    queues = [str(queue.pk) for queue in request.access.queues]
    person = str(request.user.pk)
    return JsonResponse({"person": person, "queues": queues, "viewer": _viewer(request)})


def _viewer(request: DeskRequest) -> dict[str, str] | None:
    """This person as one who has the review in `?review=` open; None if they may not see it, or none is told."""
    if not settings.LIVE_HINTS or not request.GET.get("review"):
        return None
    with suppress(ValueError):
        review = UUID(request.GET["review"])
        if request.access.reviews().filter(pk=review).exists():
            name = display.visible(request.user.display)
            return {"review": str(review), "person": str(request.user.pk), "name": name}
    return None


@desk("GET")
def queue(request: DeskRequest, slug: str) -> HttpResponse:
    """How many open reviews have arrived since the page was made, by the filters in the URL."""
    shown = request.access.queue(slug)
    since = _time(request.GET.get("since", ""))
    everything = request.access.reviews().filter(queue=shown)
    filtered = review_filters.apply_filters(everything, request.GET, request)
    newer = filtered.rows.pending().filter(received_at__gt=since).values("pk")
    count = len(newer.order_by()[: COUNT_UP_TO + 1])
    if not count:
        return HttpResponse(status=204)
    new = f"{COUNT_UP_TO}+" if count > COUNT_UP_TO else str(count)
    context = {"new": new, "slug": slug, "active": filtered.active}
    return render(request, "approvals/_new_arrivals.html", context)


@desk("GET")
def review(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """That somebody else has claimed, decided or released the review since the page was made."""
    found = reviews.find_briefly(request.access, review_id)
    holder = found.assignee if found.is_held(request.access.now) else None
    seen = request.GET.get("seen", "")
    is_mine = holder is not None and holder.pk == request.user.pk
    if seen == reviews.seen_state(found, holder) or (is_mine and seen.startswith("pending.")):
        return HttpResponse(status=204)
    context = {"review": found, "holder": holder, "is_mine": is_mine, "now": request.access.now}
    return render(request, "approvals/_review_changed.html", context)


def _time(text: str) -> datetime:
    """The time of an ISO 8601 text. Raises Invalid."""
    try:
        moment = parse_datetime(text)
        moment = moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise Invalid("since is a time such as 2026-11-29T10:15:00+00:00.", pointer="/since")
    return moment
