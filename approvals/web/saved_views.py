"""Saved views of queues' lists: the links to them, with counts, and the pages that save and end them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import OperationalError, connection, transaction
from django.db.models import F
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render, resolve_url
from psycopg.errors import QueryCanceled

from approvals import visibility
from approvals.actions import saved_views
from approvals.exceptions import NotFound
from approvals.models import ReviewQueue, SavedView
from approvals.policy import Action
from approvals.untrusted import display
from approvals.web import review_filters, streams
from approvals.web.access import Access
from approvals.web.decorators import DeskRequest, desk, reviews_of

MAX_ON_HOME = 12
COUNT_UP_TO = 100
MOST_TIME = 1_000  # milliseconds that the database counts for a page


@dataclass(frozen=True)
class ViewLink:
    """A saved view as a page lists it; `counted` is its number of reviews such as `7` or `100+`, or nothing."""

    view: SavedView
    may_end: bool
    counted: str = ""


def listed(access: Access, queue: ReviewQueue | None = None) -> list[ViewLink]:
    """The views of a queue, or the first of all queues, the shared ones first; in one statement."""
    rows = visibility.visible_views(access.actor).filter(revoked_at=None)
    rows = rows.filter(queue=queue) if queue else rows
    rows = rows.select_related("queue").order_by(F("shared").desc(), "name", "id")
    most = saved_views.MAX_OWN + saved_views.MAX_SHARED if queue else MAX_ON_HOME
    return [link(access, view) for view in rows[:most]]


def link(access: Access, view: SavedView) -> ViewLink:
    """The link to a view, and whether this person may end it."""
    return ViewLink(view, not view.shared or access.may(Action.LEAD, view.queue).allowed)


def in_order(links: Iterable[ViewLink]) -> list[ViewLink]:
    """The links in the order of `listed`."""
    return sorted(links, key=lambda each: (not each.view.shared, each.view.name, each.view.pk))


@desk("GET")
def counts(request: DeskRequest) -> HttpResponse:
    """The list of a queue's views, or of those on the first page, with counts; 204 if they take too long."""
    slug, current = request.GET.get("queue", ""), request.GET.get("current", "")
    queue = request.access.queue(slug) if slug else None
    views = listed(request.access, queue)
    try:
        counted = _counted(request, views[:MAX_ON_HOME])
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        return HttpResponse(status=204)  # the list without counts stays
    context = {
        "views": counted + views[MAX_ON_HOME:],
        "queue": queue,
        "query": current,
        "with_counts": True,
    }
    return render(request, "approvals/_saved_views.html", context)


@desk("POST")
def create(request: DeskRequest, slug: str) -> HttpResponse:
    """Save the posted filters under the posted name; with `shared` for everybody of the queue."""
    queue = request.access.queue(slug)
    everything = reviews_of(request.actor).filter(queue=queue)
    query = streams.filter_query(review_filters.apply_filters(everything, request.POST, request))
    save = saved_views.share if request.POST.get("shared") else saved_views.keep
    view = save(slug, request.POST.get("name", ""), query, by=request.actor)
    whom = f"shared with {display.visible(queue.name)}" if view.shared else "saved"
    messages.success(request, f"The view {display.visible(view.name)} is {whom}.")
    return redirect(streams.list_url(queue, view.query))


@desk("GET")
def show(request: DeskRequest, view_id: UUID) -> HttpResponse:
    """The list that a view names. A view that was revoked has a page that says so, with status 410."""
    view = _find(request, view_id)
    if view.revoked_at is None:
        return redirect(streams.list_url(view.queue, view.query))
    return render(
        request,
        "approvals/view_revoked.html",
        {"view": view, "now": request.access.now},
        status=410,
    )


@desk("POST")
def end(request: DeskRequest, view_id: UUID) -> HttpResponse:
    """Delete an own view, or revoke a shared one."""
    view = _find(request, view_id)
    (saved_views.revoke if view.shared else saved_views.delete)(view_id, by=request.actor)
    what = "is no longer shared" if view.shared else "is deleted"
    messages.success(request, f"The view {display.visible(view.name)} {what}.")
    return redirect(resolve_url("queue", view.queue.slug))


def _find(request: DeskRequest, view_id: UUID) -> SavedView:
    """A view that this person may see. Raises NotFound, whether it is hidden or not there."""
    rows = visibility.visible_views(request.actor).select_related("queue", "revoked_by")
    view = rows.filter(pk=view_id).first()
    if view is None:
        raise NotFound
    return view


def _counted(request: DeskRequest, views: Sequence[ViewLink]) -> list[ViewLink]:
    """The views with their counts, in one statement. Raises OperationalError after MOST_TIME.

    Views that search for a text have none: each text takes a statement of its own.
    """
    texts: list[str] = []
    values: list[Any] = []
    places: list[int] = []
    for place, each in enumerate(views):
        query = QueryDict(each.view.query)
        if query.get("q"):
            continue
        everything = reviews_of(request.actor).filter(queue=each.view.queue)
        rows = review_filters.apply_filters(everything, query, request).rows
        some: Any = rows.order_by().values("pk")[: COUNT_UP_TO + 1]
        compiler = some.query.get_compiler(connection=connection, elide_empty=False)
        text, parameters = compiler.as_sql()
        texts.append(f"(SELECT count(*) FROM ({text}) AS found)")  # noqa: S608  (the ORM's SQL)
        values += parameters
        places.append(place)
    counted = list(views)
    for place, number in zip(places, _numbers(texts, values), strict=True):
        shown = f"{COUNT_UP_TO}+" if number > COUNT_UP_TO else str(number)
        counted[place] = replace(counted[place], counted=shown)
    return counted


def _numbers(texts: Sequence[str], values: Sequence[Any]) -> Sequence[int]:
    """The results of these subqueries. Raises OperationalError after MOST_TIME."""
    if not texts:
        return ()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(MOST_TIME)])
        cursor.execute(f"SELECT {', '.join(texts)}", values)
        return cursor.fetchone() or ()
