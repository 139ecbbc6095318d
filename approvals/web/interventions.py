"""Restart and stop an order: a form that says what will happen and asks for a reason."""

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
from approvals.web import orders
from approvals.web.decorators import DeskRequest, desk
from approvals.web.refusals import refusal_text

Verb = Callable[[OrderExecution, str], OrderExecution]


class ReasonForm(forms.Form):
    """The reason. The verb checks it; the browser asks for one if it is required."""

    reason = forms.CharField(
        required=False,
        max_length=interventions.MAX_REASON,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3, "class": "textarea w-full", "autofocus": True}),
    )


@desk("GET", "POST")
def restart(request: DeskRequest, attempt: UUID) -> HttpResponse:
    """The form that says what a restart does; posted, restarts."""

    def verb(order: OrderExecution, reason: str) -> OrderExecution:
        return interventions.restart(
            order.order_id, by=request.actor, reason=reason, attempt=order.pk
        )

    return _form(request, attempt, verb, stopping=False)


@desk("GET", "POST")
def stop(request: DeskRequest, attempt: UUID) -> HttpResponse:
    """The form that asks for a reason; posted, stops."""

    def verb(order: OrderExecution, reason: str) -> OrderExecution:
        return interventions.stop(order.order_id, reason, by=request.actor, attempt=order.pk)

    return _form(request, attempt, verb, stopping=True)


def _form(request: DeskRequest, attempt: UUID, verb: Verb, *, stopping: bool) -> HttpResponse:
    order = orders.find(request.access, attempt)
    policy.may(Action.INTERVENE_IN_ORDERS, None, by=request.actor).or_raise()
    form = ReasonForm(request.POST if request.method == "POST" else None)
    form.fields["reason"].widget.attrs["required"] = stopping
    refused_by: ApprovalsError | None = None
    if request.method == "POST":
        try:
            if not form.is_valid():
                raise Invalid(str(next(iter(form.errors.values()))[0]), pointer="/reason")
            current = verb(order, form.cleaned_data["reason"].replace("\r\n", "\n"))
        except ApprovalsError as error:
            refused_by = error
        else:
            return _done(request, order, current, stopping=stopping)
    context: dict[str, Any] = {
        "order": order,
        "form": form,
        "stopping": stopping,
        "why_anew": "" if stopping else orders.why_anew(order),
        "back": orders.address(order),
        "refusal": refusal_text(refused_by, request.access) if refused_by else None,
    }
    template = (
        "approvals/_intervention_form.html" if request.htmx else "approvals/intervention.html"
    )
    return render(request, template, context, status=refused_by.status if refused_by else 200)


def _done(
    request: DeskRequest, order: OrderExecution, current: OrderExecution, *, stopping: bool
) -> HttpResponse:
    name = display.visible(order.order_id)
    if stopping:
        stopped = current.was_never_started
        messages.success(request, f"{name} is {'stopped' if stopped else 'being stopped'}.")
    elif current.pk != order.pk:
        messages.success(request, f"{name} begins anew as attempt {current.attempt}.")
    else:
        messages.success(request, f"{name} is being restarted.")
    if request.htmx:
        return HttpResponseClientRedirect(orders.address(current))
    return redirect(orders.address(current))
