"""A person's own API tokens: the list, a new one after they have confirmed their password, and its end."""

from __future__ import annotations

from urllib.parse import urlencode

from allauth.account.internal.flows import reauthentication
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url

from approvals.actions import credentials
from approvals.exceptions import ApprovalsError
from approvals.models import ApiToken
from approvals.untrusted import display
from approvals.web.decorators import DeskRequest, desk

MAX_SHOWN = 100
DAYS = (7, 30, 90, 365)
SCOPES = {
    ApiToken.Scope.READ: "read: look at what you may see",
    ApiToken.Scope.DECIDE: "decide: claim, comment, approve and reject",
    ApiToken.Scope.ORDERS: "orders: start, restart and stop orders",
}


def _days() -> list[tuple[str, str]]:
    longest = settings.API_TOKEN_DAYS
    offered = sorted({days for days in DAYS if not longest or days < longest} | {longest} - {0})
    return [(str(days), f"{days} days") for days in offered]


class TokenForm(forms.Form):
    """What a new token is for, what it may do, and how long it is valid."""

    name = forms.CharField(
        max_length=100, label="Name", help_text="The program that will use it, such as “nightly”."
    )
    scopes = forms.MultipleChoiceField(
        required=False,
        choices=list(SCOPES.items()),
        widget=forms.CheckboxSelectMultiple,
        label="What it may do",
        help_text="Nothing ticked: all that you may do.",
    )
    days = forms.TypedChoiceField(
        choices=_days,
        coerce=int,
        initial="30",
        label="Valid for",
        widget=forms.Select(attrs={"class": "select"}),
    )


@desk("GET")
def index(request: DeskRequest) -> HttpResponse:
    """The tokens of the person who has signed in, the latest first."""
    rows = ApiToken.objects.filter(user=request.user).order_by("-created")[:MAX_SHOWN]
    return render(request, "approvals/tokens.html", {"tokens": rows, "now": request.access.now})


@desk("GET", "POST")
def issue(request: DeskRequest) -> HttpResponse:
    """The form of a new token; posted, issues it and shows it, this once."""
    if reauthentication.is_reauthentication_required(request, app="account"):
        here = urlencode({"next": resolve_url("token_new")})
        return redirect(f"{resolve_url('account_reauthenticate')}?{here}")
    form = TokenForm(request.POST if request.method == "POST" else None)
    context = {"form": form, "now": request.access.now}
    if form.is_valid():
        try:
            token = credentials.issue_token(request.user, by=request.actor, **form.cleaned_data)
        except ApprovalsError as error:
            form.add_error("name", display.visible(error.message))
        else:
            return render(request, "approvals/token_new.html", context | {"token": token})
    return render(request, "approvals/token_new.html", context, status=422 if form.errors else 200)


@desk("POST")
def revoke(request: DeskRequest) -> HttpResponse:
    """Revoke the token of this name."""
    name = request.POST.get("name", "")
    credentials.revoke_token(request.user, name, by=request.actor)
    messages.success(request, f"The token {display.visible(name)} is revoked.")
    return redirect("tokens")
