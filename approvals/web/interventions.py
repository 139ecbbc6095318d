"""Restart and stop: a page each that says what will happen and asks for a reason, or a panel for htmx."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django_htmx.http import HttpResponseClientRedirect

from approvals import policy
from approvals.actions import interventions
from approvals.exceptions import ApprovalsError, Invalid
from approvals.models import OrderExecution
from approvals.policy import Action
from approvals.untrusted import display
from approvals.web import orders, wording
from approvals.web.decorators import DeskRequest, desk

Verb = Callable[[OrderExecution, str], OrderExecution]


class ReasonForm(forms.Form):
    """Why. The verb judges it; the browser reminds of one where it is needed."""

    reason = forms.CharField(
        required=False,
        max_length=interventions.MAX_REASON,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3, "class": "textarea w-full", "autofocus": True}),
    )


@desk("GET", "POST")
def restart(request: DeskRequest, attempt: UUID) -> HttpResponse:
    """Say how a restart goes, and restart."""

    def verb(order: OrderExecution, reason: str) -> OrderExecution:
        return interventions.restart(
            order.order_id, by=request.actor, reason=reason, attempt=order.pk
        )

    return _ask(request, attempt, verb, stopping=False)


@desk("GET", "POST")
def stop(request: DeskRequest, attempt: UUID) -> HttpResponse:
    """Ask for a reason, and stop."""

    def verb(order: OrderExecution, reason: str) -> OrderExecution:
        return interventions.stop(order.order_id, reason, by=request.actor, attempt=order.pk)

    return _ask(request, attempt, verb, stopping=True)


def _ask(request: DeskRequest, attempt: UUID, verb: Verb, *, stopping: bool) -> HttpResponse:
    order = orders.find(request.actor, attempt)
    policy.may(Action.INTERVENE_IN_ORDERS, None, by=request.actor).or_raise()
    form = ReasonForm(request.POST if request.method == "POST" else None)
    form.fields["reason"].widget.attrs["required"] = stopping
    problem = None
    if request.method == "POST":
        try:
            if not form.is_valid():
                raise Invalid(str(next(iter(form.errors.values()))[0]), pointer="/reason")
            goes_on = verb(order, form.cleaned_data["reason"].replace("\r\n", "\n"))
        except ApprovalsError as error:
            problem = error
        else:
            return _done(request, order, goes_on, stopping=stopping)
    context: dict[str, Any] = {
        "order": order,
        "form": form,
        "stopping": stopping,
        "why_anew": "" if stopping else orders.why_anew(order),
        "back": orders.address(order),
        "problem": wording.refusal(problem, request.actor) if problem else None,
    }
    template = "approvals/_intervention_form.html" if request.htmx else "approvals/intervention.html"
    return render(request, template, context, status=problem.status if problem else 200)


def _done(
    request: DeskRequest, order: OrderExecution, goes_on: OrderExecution, *, stopping: bool
) -> HttpResponse:
    name = display.visible(order.order_id)
    if stopping:
        stopped = goes_on.was_never_started
        messages.success(request, f"{name} is {'stopped' if stopped else 'being stopped'}.")
    elif goes_on.pk != order.pk:
        messages.success(request, f"{name} begins anew as attempt {goes_on.attempt}.")
    else:
        messages.success(request, f"{name} is being restarted.")
    if request.htmx:
        return HttpResponseClientRedirect(orders.address(goes_on))
    return redirect(orders.address(goes_on))
