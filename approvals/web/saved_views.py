"""Saved views of lists: the links to them, with counts, and the pages that save and end them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import OperationalError, connection, transaction
from django.db.models import F, QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from psycopg.errors import QueryCanceled

from approvals import visibility
from approvals.actions import saved_views
from approvals.actors import Actor
from approvals.exceptions import NotFound
from approvals.models import SavedView, User
from approvals.models.choices import Surface
from approvals.records.prepared_queries import Prepared
from approvals.untrusted import display
from approvals.web.access import Access
from approvals.web.decorators import DeskRequest, desk
from approvals.web.viewed_lists import BATCHES, ORDERS, ViewedList, list_of, reviews_in

MAX_ON_HOME = 12
MAX_OF_A_LIST = saved_views.MAX_OWN + saved_views.MAX_SHARED
COUNT_UP_TO = 100
MOST_TIME = 1_000  # milliseconds that the database counts for a page


@dataclass(frozen=True)
class ViewLink:
    """A saved view as a page lists it; `counted` is its number of rows such as `7` or `100+`, or nothing."""

    view: SavedView
    may_end: bool
    counted: str = ""


def listed(access: Access, of: ViewedList | None = None) -> list[ViewLink]:
    """The views of a list, or the first of all queues, the shared ones first; in one statement."""
    if of is None:
        found = list(_first(visibility.visible_views(access.actor))[:MAX_ON_HOME])
    elif of.queue is not None:
        found = views_in(person=access.actor.person.pk, queue=of.queue.pk)
        for view in found:
            view.queue = of.queue
    else:
        rows = access.order_views().filter(listing=of.listing, queue=None)
        found = list(_first(rows)[:MAX_OF_A_LIST])
    return [link(access, view) for view in found]


@Prepared
def views_in(person: UUID, queue: UUID) -> QuerySet[SavedView]:
    """The views that this person sees of the list of a queue, which they see; the shared ones first."""
    seen = visibility.views(Actor(User(pk=person), Surface.WEB))
    return _first(seen.filter(queue=queue)).select_related(None)[:MAX_OF_A_LIST]


def _first(rows: QuerySet[SavedView]) -> QuerySet[SavedView]:
    """Those that are still used, the shared ones first."""
    used = rows.filter(revoked_at=None).select_related("queue")
    return used.order_by(F("shared").desc(), "name", "id")


def link(access: Access, view: SavedView) -> ViewLink:
    """The link to a view, and whether this person may end it."""
    return ViewLink(view, not view.shared or list_of(view).may_share(access))


def in_order(links: Iterable[ViewLink]) -> list[ViewLink]:
    """The links in the order of `listed`."""
    return sorted(links, key=lambda each: (not each.view.shared, each.view.name, each.view.pk))


def context(access: Access, of: ViewedList, query: str) -> dict[str, Any]:
    """What `_saved_views.html` and `_save_view.html` show beside a list that is filtered by this query."""
    views = listed(access, of)
    return {
        "views": views,
        "viewed": of,
        "query": query,
        "ends_some": any(each.may_end for each in views),
        "may_share": of.may_share(access),
    }


@desk("GET")
def counts(request: DeskRequest) -> HttpResponse:
    """The list of a list's views, or of those on the first page, with counts; 204 if they take too long.

    The list is the one of a `queue`, or `listing=orders` or `batches`.
    """
    of = _list_asked_for(request)
    views = listed(request.access, of)
    try:
        counted = _counted(request, views[:MAX_ON_HOME])
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        return HttpResponse(status=204)  # the list without counts stays
    shown = {
        "views": counted + views[MAX_ON_HOME:],
        "viewed": of,
        "query": request.GET.get("current", ""),
        "with_counts": True,
    }
    return render(request, "approvals/_saved_views.html", shown)


@desk("POST")
def create(request: DeskRequest, slug: str) -> HttpResponse:
    """Save the posted filters of a queue's list; with `shared` for everybody of the queue."""
    return _create(request, reviews_in(request.access.queue(slug)))


@desk("POST")
def create_of_orders(request: DeskRequest) -> HttpResponse:
    """Save the posted filters of the list of orders; with `shared` for everybody who sees orders."""
    return _create(request, ORDERS)


@desk("POST")
def create_of_batches(request: DeskRequest) -> HttpResponse:
    """Save the posted filters of the list of batches; with `shared` for everybody who sees orders."""
    return _create(request, BATCHES)


@desk("GET")
def show(request: DeskRequest, view_id: UUID) -> HttpResponse:
    """The list that a view names. A view that was revoked has a page that says so, with status 410."""
    view = _find(request, view_id)
    of = list_of(view)
    if view.revoked_at is None:
        return redirect(of.url(view.query))
    shown = {"view": view, "viewed": of, "now": request.access.now}
    shown |= {"all": of.url(""), "filtered": of.url(view.query)}
    return render(request, "approvals/view_revoked.html", shown, status=410)


@desk("POST")
def end(request: DeskRequest, view_id: UUID) -> HttpResponse:
    """Delete an own view, or revoke a shared one."""
    view = _find(request, view_id)
    (saved_views.revoke if view.shared else saved_views.delete)(view_id, by=request.actor)
    what = "is no longer shared" if view.shared else "is deleted"
    messages.success(request, f"The view {display.visible(view.name)} {what}.")
    return redirect(list_of(view).url(""))


def _create(request: DeskRequest, of: ViewedList) -> HttpResponse:
    """Save the posted filters under the posted name."""
    query = of.filtered(request, request.POST).query
    save = saved_views.share if request.POST.get("shared") else saved_views.keep
    slug = of.queue.slug if of.queue else None
    name = request.POST.get("name", "")
    view = save(slug, name, query, by=request.actor, listing=of.listing)
    done = f"shared with {of.everybody}" if view.shared else "saved"
    messages.success(request, f"The view {display.visible(view.name)} is {done}.")
    return redirect(of.url(view.query))


def _list_asked_for(request: DeskRequest) -> ViewedList | None:
    """The list whose views are counted; None for the first page. Raises NotFound for a hidden queue."""
    if slug := request.GET.get("queue", ""):
        return reviews_in(request.access.queue(slug))
    name = request.GET.get("listing", "")
    return next((of for of in (ORDERS, BATCHES) if of.listing == name), None)


def _find(request: DeskRequest, view_id: UUID) -> SavedView:
    """A view that this person may see. Raises NotFound, whether it is hidden or not there."""
    for visible in (visibility.visible_views, visibility.visible_order_views):
        rows = visible(request.actor).select_related("queue", "revoked_by")
        if view := rows.filter(pk=view_id).first():
            return view
    raise NotFound


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
        rows = list_of(each.view).filtered(request, query).rows
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
