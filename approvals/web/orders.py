"""Orders: the list, and one order with its input, its executions, the path it took and its reviews.

No request calls AWS. A page hints that an execution be read, and shows what was read last with its age.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.db.models import OuterRef, Q, Subquery
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from approvals import pagination, policy
from approvals.actions import interventions
from approvals.actors import Actor
from approvals.exceptions import Invalid, NotFound
from approvals.models import AuditEvent, ExecutionHistory, OrderExecution, OrderIntervention
from approvals.policy import Action
from approvals.records import audit, database_time, execution_history, wake_ups
from approvals.untrusted import display
from approvals.web import execution_view, payload_view, review_list, wording
from approvals.web.decorators import DeskRequest, desk, reviews_of

PAGE = 25
BY_ARRIVAL = ("-created_at", "-id")
MOST_ATTEMPTS, MOST_REVIEWS, LATEST = 20, 10, 50


class OrderFilter(forms.Form):
    """The state of the list as its URL says it."""

    status = forms.ChoiceField(
        choices=[("", "Any status"), *OrderExecution.Status.choices], required=False
    )
    q = forms.CharField(label="Order id begins with", max_length=256, required=False)


@desk("GET")
def show_all(request: DeskRequest) -> HttpResponse:
    """One page of the orders, narrowed as the URL says."""
    rows = policy.visible_orders(request.actor).defer("input", "cause")
    form = OrderFilter(request.GET)
    form.is_valid()  # what cannot be is left out, and said in the form
    active = {name: text for name, text in form.cleaned_data.items() if text}
    if "status" in active:
        rows = rows.filter(status=active["status"])
    if "q" in active:
        rows = rows.beginning_with(active["q"])
    rows = rows.select_related("created_by").annotate(hand=_open_hand())
    try:
        page = pagination.page(rows, BY_ARRIVAL, size=PAGE, cursor=request.GET.get("cursor", ""))
    except Invalid:  # a bent or outdated link still leads to the list
        page = pagination.page(rows, BY_ARRIVAL, size=PAGE)
    context = {
        "now": database_time.now(),
        "form": form,
        "active": active,
        "query": urlencode(active),
        "lines": [(row, address(row)) for row in page.rows],
        "page": page,
    }
    return render(request, "approvals/orders.html", context)


@desk("GET")
def show(request: DeskRequest, order_id: str) -> HttpResponse:
    """An order as its last attempt stands."""
    last = policy.visible_orders(request.actor).attempts_at(order_id.replace("\0", "")).first()
    if last is None:
        raise NotFound
    return _page(request, last)


@desk("GET")
def show_attempt(request: DeskRequest, attempt: UUID) -> HttpResponse:
    """One attempt at an order."""
    return _page(request, find(request.actor, attempt))


@desk("GET")
def story(request: DeskRequest, attempt: UUID) -> HttpResponse:
    """What is new about an order: how old the reading is, and whatever has changed since it was seen."""
    order = find(request.actor, attempt)
    if not request.htmx:
        return redirect(address(order))
    context = page(request.actor, order)
    context["changed"] = context["seen"] != request.GET.get("seen")
    return render(request, "approvals/_order_refresh.html", context)


@desk("POST")
def read_again(request: DeskRequest, attempt: UUID) -> HttpResponse:
    """Ask for the execution to be read now, however fresh the reading is."""
    order = find(request.actor, attempt)
    if order.execution_arn:
        execution_history.ask(order)
        wake_ups.after_commit(wake_ups.READ, order.pk)
    return redirect("attempt", order.pk)


def find(actor: Actor, attempt: UUID) -> OrderExecution:
    """An attempt that this person may see. Raises NotAllowed or NotFound."""
    row = policy.visible_orders(actor).select_related("created_by").filter(pk=attempt).first()
    if row is None:
        raise NotFound
    return row


def address(order: OrderExecution) -> str:
    """Where an order is shown; by its row where its id would be another page or another path."""
    parts = order.order_id.split("/")
    if parts[0] == "batches" or {"", ".", ".."} & set(parts):
        return reverse("attempt", args=[order.pk])
    return reverse("order", args=[order.order_id])


def _page(request: DeskRequest, order: OrderExecution) -> HttpResponse:
    before = request.GET.get("before", "")[:9]
    context = page(request.actor, order, before=int(before) if before.isdecimal() else 0)
    return render(request, "approvals/order.html", context)


def page(actor: Actor, order: OrderExecution, *, before: int = 0) -> dict[str, Any]:
    """What an order's page shows, by the database's clock of this moment; hints what would be newer."""
    now = database_time.now()
    attempts = list(
        OrderExecution.objects.attempts_at(order.order_id).defer("input", "cause")[:MOST_ATTEMPTS]
    )
    last = attempts[0]
    hands = OrderIntervention.objects.filter(order=order).select_related("created_by")
    hand = hands.filter(ended_at=None).first()
    known = execution_history.of(order)
    wanted = execution_history.is_wanted(order, known, now)
    if wanted:
        wake_ups.after_commit(wake_ups.READ, order.pk)
    # Read when a template asks, as the story is drawn: the look every 4 s shows none of it.
    read = cache(lambda: payload_view.read_input(order))
    raw = cache(lambda: display.indented_json(read()[1]))
    may = policy.may(Action.INTERVENE_IN_ORDERS, None, by=actor)
    is_last = last.pk == order.pk
    return {
        "now": now,
        "order": order,
        "input": SimpleLazyObject(lambda: read()[0]),
        "raw": SimpleLazyObject(lambda: raw()[0]),
        "raw_cut": SimpleLazyObject(lambda: raw()[1]),
        "attempts": [(row, address(row)) for row in attempts],
        "last": last,
        "is_last": is_last,
        "hand": hand,
        "may": may,
        "can_restart": _is_free(may, is_last, hand) and order.status in order.RESTARTABLE,
        "can_stop": _is_free(may, is_last, hand) and order.status in order.UNDER_WAY,
        "reading": known,
        "waits": not before and (wanted or hand is not None or order.status in order.UNDER_WAY),
        "trouble": execution_view.problem_of(known),
        # Drawn when a template asks: a look that finds nothing new, every 4 s, draws nothing.
        "execution": SimpleLazyObject(lambda: execution_view.view_of(order, known, before=before)),
        "before": before,
        "reviews": reviews(actor, order, now),
        "timeline": timeline(attempts),
        "seen": seen(order, last, hand, known),
    }


def _is_free(may: policy.Verdict, is_last: bool, hand: OrderIntervention | None) -> bool:
    return may.allowed and is_last and hand is None


def seen(
    order: OrderExecution,
    last: OrderExecution,
    hand: OrderIntervention | None,
    known: ExecutionHistory | None,
) -> str:
    """What a page shows of an order in a few letters, so that the next look can tell what is new."""
    told: list[Any] = [order.status, order.ended_at, last.pk, hand and hand.pk]
    if known is not None:
        newest = known.events[-1]["id"] if known.events else 0
        told += [known.trouble, newest, known.status_row, known.workflow_id]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:12]


def reviews(actor: Actor, order: OrderExecution, now: Any) -> list[review_list.Line]:
    """The reviews of an order that this person may see: those of this execution, and such as name none."""
    same = Q(reference=order.order_id, execution_arn="")
    if order.execution_arn:
        same |= Q(execution_arn=order.execution_arn)
    found = review_list.lean(reviews_of(actor).filter(same)).order_by(*review_list.BY_ARRIVAL)
    return [review_list.Line(row, now) for row in found[:MOST_REVIEWS]]


def timeline(attempts: list[OrderExecution]) -> list[wording.Happening]:
    """The latest events of all attempts' audit chains, newest first."""
    chains = [audit.chain(row) for row in attempts]
    events = AuditEvent.objects.filter(chain__in=chains).select_related("actor")
    return [wording.happening(event) for event in events.order_by("-at", "-seq")[:LATEST]]


def why_anew(order: OrderExecution) -> str:
    """In a sentence, why a restart begins anew; empty where it is a redrive."""
    return {
        "never_started": "Step Functions has never had this attempt, so a restart begins a new one.",
        "ended_14_days_ago": "It ended over 14 days ago. Step Functions redrives nothing that old, so"
        " a restart begins a new attempt with the same input.",
        "fail_state": "It ended in a Fail state of the workflow, which a redrive would only enter"
        " again. A restart begins a new attempt with the same input.",
    }.get(interventions.why_anew(order), "")


def _open_hand() -> Subquery:
    hands = OrderIntervention.objects.filter(order=OuterRef("pk"), ended_at=None)
    return Subquery(hands.values("kind")[:1])
