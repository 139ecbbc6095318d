"""The decorator of every page of the desk: only for people who have signed in, never cached.

A view translates between HTTP and the verbs; a verb or `policy` raises what the decorator shows as a page.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, cast
from urllib.parse import urlsplit

import structlog
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render, resolve_url
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from approvals import policy
from approvals.actors import Actor
from approvals.exceptions import ApprovalsError, Invalid, NotFound
from approvals.models import User
from approvals.web.access import Access, access_of
from approvals.web.refusals import refusal_text

if TYPE_CHECKING:

    class DeskRequest(HttpRequest):
        """A request of somebody who has signed in."""

        user: User
        actor: Actor
        access: Access
        htmx: HtmxDetails

else:
    DeskRequest = HttpRequest

log = structlog.get_logger(__name__)

NOT_STORABLE = "The request holds a value that cannot be stored."
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
DeskView = Callable[Concatenate[DeskRequest, P], HttpResponseBase]


def desk(*methods: str) -> Callable[[DeskView[P]], View[P]]:
    """Makes a view a page for people who have signed in, for these HTTP methods only."""

    def decorate(view: DeskView[P]) -> View[P]:
        @wraps(view)
        def decorated(
            request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_sign_in(request)
            if not policy.may_have_password(request.user):
                raise PermissionDenied  # a session that an earlier release gave a program
            desk_request = cast("DeskRequest", request)
            desk_request.actor = access_of(request).actor
            try:
                response = view(desk_request, *args, **kwargs)
            except ApprovalsError as error:
                response = refused(desk_request, error)
            except DataError as error:  # as in the API
                log.warning("desk.value_refused", error=str(error)[:300])
                response = refused(desk_request, Invalid(NOT_STORABLE))
            if response.streaming:  # for the server, which sends each person few at once
                cast("Any", response).person = str(request.user.pk)
            patch_vary_headers(response, ["HX-Request"])
            return response

        return require_http_methods([*methods, "HEAD"] if "GET" in methods else methods)(
            never_cache(decorated)
        )

    return decorate


def refused(request: HttpRequest, error: ApprovalsError, **context: Any) -> HttpResponse:
    """The page of a refusal, or its fragment for htmx, with the HTTP status of the error.

    Raises Http404 for NotFound.
    """
    if isinstance(error, NotFound):
        raise Http404
    refusal = refusal_text(error, access_of(request))
    panel = bool(cast("DeskRequest", request).htmx)
    template = "approvals/_refusal.html" if panel else "approvals/refused.html"
    return render(request, template, {"refusal": refusal} | context, status=error.status)


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """A redirect to sign in: htmx loads it as a page of its own, not into the fragment it asked for."""
    htmx = cast("HtmxDetails", cast("Any", request).htmx)
    if request.method == "POST":
        messages.info(request, "You are signed out. What you typed is kept: sign in to go on.")
    if htmx:
        to = redirect_to_login(_current_page(htmx), resolve_url("account_login"))
        return HttpResponseClientRedirect(to.url)
    after = request.get_full_path() if request.method == "GET" else resolve_url("home")
    return redirect_to_login(after, resolve_url("account_login"))


def _current_page(htmx: HtmxDetails) -> str:
    """The path and query of the page that htmx was in; "/" if its header is no address of ours."""
    try:
        page = urlsplit(htmx.current_url_abs_path or "/")
    except ValueError:  # such as http://[
        return "/"
    return page.path + (f"?{page.query}" if page.query else "")
