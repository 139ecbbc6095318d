"""Orders: the list, and one order with its input, its executions, the path it took and its reviews.

No request calls AWS. A page wakes a worker to read the execution, and shows the cached history with its age.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import cache
from typing import Any, cast
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import JSONObject
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from approvals import broken_rows, policy
from approvals.broken_rows import BrokenRow
from approvals.exceptions import NotFound
from approvals.models import ExecutionHistory, OrderExecution, OrderIntervention, ReviewTask, User
from approvals.models.order_executions import OrderQuerySet
from approvals.policy import Action
from approvals.records import execution_history, redrive_eligibility, wake_ups
from approvals.untrusted import display
from approvals.web import (
    execution_view,
    order_filters,
    payload_view,
    review_rows,
    saved_views,
    viewed_lists,
)
from approvals.web.access import Access
from approvals.web.decorators import DeskRequest, desk
from approvals.web.pagination import page_at_cursor
from approvals.web.timeline import order_timeline

MAX_ATTEMPTS, MAX_REVIEWS = 20, 10


@desk("GET")
def show_all(request: DeskRequest) -> HttpResponse:
    """One page of the orders, filtered as the URL says."""
    everything = request.access.orders().defer("input", "cause")
    filtered = order_filters.orders(everything, request.GET)
    rows = filtered.rows.select_related("created_by").annotate(
        open_intervention=_open_intervention()
    )
    page = page_at_cursor(rows, filtered.order, request)
    context = {
        "now": request.access.now,
        "filtered": filtered,
        **saved_views.context(request.access, viewed_lists.ORDERS, filtered.query),
        "sort": filtered.sort_link("Accepted", "-accepted", "accepted"),
        "rows": broken_rows.all_shown(page.rows, lambda row: (row, address(row))),
        "page": page,
    }
    return render(request, "approvals/orders.html", context)


@desk("GET")
def show(request: DeskRequest, order_id: str) -> HttpResponse:
    """The last attempt at an order."""
    last = _with_parts(request.access).attempts_at(order_id.replace("\0", "")).first()
    if last is None:
        raise NotFound
    return _page(request, last)


@desk("GET")
def show_attempt(request: DeskRequest, attempt: UUID) -> HttpResponse:
    """One attempt at an order."""
    return _page(request, find(request.access, attempt))


@desk("GET")
def refresh(request: DeskRequest, attempt: UUID) -> HttpResponse:
    """For htmx: the age of the cached execution history, and the whole page if something has changed."""
    order = find(request.access, attempt)
    if not request.htmx:
        return redirect(address(order))
    context = page(request.access, order)
    context["changed"] = context["seen"] != request.GET.get("seen")
    return render(request, "approvals/_order_refresh.html", context)


@desk("POST")
def read_again(request: DeskRequest, attempt: UUID) -> HttpResponse:
    """Ask for the execution to be read now, however recent the cached history is."""
    order = find(request.access, attempt)
    if order.execution_arn:
        execution_history.request(order)
        wake_ups.after_commit(wake_ups.READ, order.pk)
    return redirect("attempt", order.pk)


def _with_parts(access: Access) -> OrderQuerySet:
    """The orders that this person may see, each with who began it and its open intervention."""
    columns = {name: name for name in ("pk", "kind", "created_at")}
    columns |= {"name": "created_by__name", "email": "created_by__email"}
    rows = OrderIntervention.objects.filter(order=OuterRef("pk"), ended_at=None)
    whole = Subquery(rows.values(columns=JSONObject(**columns))[:1])
    return access.orders().select_related("created_by").annotate(intervention=whole)


def _intervention(order: OrderExecution) -> OrderIntervention | None:
    """The open intervention of an order that was read with it, with what a page shows of it."""
    columns: dict[str, Any] | None = cast("Any", order).intervention
    if columns is None:
        return None
    by = User(name=columns["name"], email=columns["email"]) if columns["email"] else None
    at = datetime.fromisoformat(columns["created_at"])
    pk, kind = UUID(columns["pk"]), columns["kind"]
    return OrderIntervention(pk=pk, order=order, kind=kind, created_at=at, created_by=by)


def find(access: Access, attempt: UUID) -> OrderExecution:
    """An attempt that this person may see. Raises NotAllowed or NotFound."""
    row = _with_parts(access).filter(pk=attempt).first()
    if row is None:
        raise NotFound
    return row


def address(order: OrderExecution) -> str:
    """The URL of an order; by the id of its row if its own id would lead to another page."""
    parts = order.order_id.split("/")
    if parts[0] == "batches" or {"", ".", ".."} & set(parts):
        return reverse("attempt", args=[order.pk])
    return reverse("order", args=[order.order_id])


def _page(request: DeskRequest, order: OrderExecution) -> HttpResponse:
    before = request.GET.get("before", "")[:9]
    context = page(request.access, order, before=int(before) if before.isdecimal() else 0)
    return render(request, "approvals/order.html", context)


def page(access: Access, order: OrderExecution, *, before: int = 0) -> dict[str, Any]:
    """The context of an order's page, at the database's present time; a worker is asked to read what is old."""
    now = access.now
    attempts = list(
        OrderExecution.objects.attempts_at(order.order_id).defer("input", "cause")[:MAX_ATTEMPTS]
    )
    last = attempts[0]
    intervention = _intervention(order)
    history = execution_history.of(order)
    wanted = execution_history.is_wanted(order, history, now)
    if wanted:
        wake_ups.after_commit(wake_ups.READ, order.pk)
    # Parsed only if a template shows it: the refresh every 4 s does not.
    read = cache(lambda: payload_view.order_input(order))
    raw = cache(lambda: display.indented_json(read()[1]))
    may = access.may(Action.INTERVENE_IN_ORDERS)
    is_last = last.pk == order.pk
    return {
        "now": now,
        "order": order,
        "input": SimpleLazyObject(lambda: read()[0]),
        "raw": SimpleLazyObject(lambda: raw()[0]),
        "raw_cut": SimpleLazyObject(lambda: raw()[1]),
        "attempts": broken_rows.all_shown(attempts, lambda row: (row, address(row))),
        "last": last,
        "is_last": is_last,
        "intervention": intervention,
        "may": may,
        "can_restart": _is_free(may, is_last, intervention) and order.status in order.RESTARTABLE,
        "can_stop": _is_free(may, is_last, intervention) and order.status in order.UNDER_WAY,
        "history": history,
        "refreshes": not before
        and (wanted or intervention is not None or order.status in order.UNDER_WAY),
        "history_problem": execution_view.problem_of(history),
        # Drawn only if a template shows it: a refresh without a change does not.
        "execution": SimpleLazyObject(
            lambda: execution_view.view_of(order, history, before=before)
        ),
        "before": before,
        "reviews": reviews(access, order, now),
        "timeline": order_timeline(attempts),
        "seen": seen(order, last, intervention, history),
    }


def _is_free(may: policy.Verdict, is_last: bool, intervention: OrderIntervention | None) -> bool:
    """Whether an intervention may begin."""
    return may.allowed and is_last and intervention is None


def seen(
    order: OrderExecution,
    last: OrderExecution,
    intervention: OrderIntervention | None,
    history: ExecutionHistory | None,
) -> str:
    """A short hash of what a page shows of an order; the next refresh sends it back and is compared."""
    shown: list[Any] = [order.status, order.ended_at, last.pk, intervention and intervention.pk]
    if history is not None:
        newest = history.events[-1]["id"] if history.events else 0
        shown += [history.trouble, newest, history.status_row, history.workflow_id]
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:12]


def reviews(
    access: Access, order: OrderExecution, now: Any
) -> list[review_rows.ReviewRow | BrokenRow]:
    """The reviews of this execution that this person may see, and those of the order without an execution.

    Of all there are, MOST_LOOKED_AT: who may send to a queue may send any number with an order's id.
    """
    same = Q(reference=order.order_id, execution_arn="")
    if order.execution_arn:
        same |= Q(execution_arn=order.execution_arn)
    some = ReviewTask.objects.filter(same).values("pk")[: review_rows.MOST_LOOKED_AT]
    found = review_rows.lean(access.reviews().filter(pk__in=some))
    found = found.order_by(*review_rows.BY_ARRIVAL)
    return review_rows.rows_of(found[:MAX_REVIEWS], now)


def why_anew(order: OrderExecution) -> str:
    """In a sentence, why a restart begins a new attempt; empty if it is a redrive."""
    return {
        "never_started": "Step Functions has never had this attempt, so a restart begins a new one.",
        "ended_14_days_ago": "It ended over 14 days ago. Step Functions redrives nothing that old, so"
        " a restart begins a new attempt with the same input.",
        "fail_state": "It ended in a Fail state of the workflow, which a redrive would only enter"
        " again. A restart begins a new attempt with the same input.",
    }.get(redrive_eligibility.reason_for_new_attempt(order), "")


def _open_intervention() -> Subquery:
    """The kind of an order's open intervention."""
    rows = OrderIntervention.objects.filter(order=OuterRef("pk"), ended_at=None)
    return Subquery(rows.values("kind")[:1])
