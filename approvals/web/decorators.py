"""The frame of every page of the desk: signed in, never cached, and refusals told as pages.

A view inside translates between HTTP and the verbs; what it may not do, a verb or `policy` says.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, cast
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from approvals import policy
from approvals.actors import Actor
from approvals.exceptions import ApprovalsError, NotFound
from approvals.models import ReviewQueue, User
from approvals.models.choices import Surface
from approvals.models.review_tasks import ReviewQuerySet
from approvals.web import wording

SIGNED_IN = "password"

if TYPE_CHECKING:

    class DeskRequest(HttpRequest):
        """A request of somebody who has signed in."""

        user: User
        actor: Actor
        htmx: HtmxDetails

else:
    DeskRequest = HttpRequest

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
DeskView = Callable[Concatenate[DeskRequest, P], HttpResponse]


def desk(*methods: str) -> Callable[[DeskView[P]], View[P]]:
    """A page for people who have signed in, reached by these methods alone."""

    def frame(view: DeskView[P]) -> View[P]:
        @wraps(view)
        def framed(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not request.user.is_authenticated:
                return _to_sign_in(request)
            known = cast("DeskRequest", request)
            known.actor = actor_of(known)
            try:
                response = view(known, *args, **kwargs)
            except ApprovalsError as error:
                response = refused(known, error)
            patch_vary_headers(response, ["HX-Request"])
            return response

        return require_http_methods([*methods, "HEAD"] if "GET" in methods else methods)(
            never_cache(framed)
        )

    return frame


def refused(request: HttpRequest, error: ApprovalsError, **context: Any) -> HttpResponse:
    """The page that says why not, with the refusal's own HTTP status."""
    if isinstance(error, NotFound):
        raise Http404
    told = wording.refusal(error, actor_of(request))
    panel = bool(cast("DeskRequest", request).htmx)
    template = "approvals/_refusal.html" if panel else "approvals/refused.html"
    return render(request, template, {"told": told} | context, status=error.status)


def actor_of(request: HttpRequest) -> Actor:
    """The person who sent this request, through the web; nobody, and so without rights, before sign-in."""
    user = request.user if isinstance(request.user, User) else None
    return Actor(user, Surface.WEB, signed_in=SIGNED_IN)


def reviews_of(actor: Actor) -> ReviewQuerySet:
    """The reviews this person may see, without the sealed bytes that no page shows."""
    return policy.visible_reviews(actor).without_secrets()


def queue_of(actor: Actor, slug: str) -> ReviewQueue:
    """A queue this person may see. Raises NotFound, whether it is hidden or not there."""
    queue = policy.visible_queues(actor).filter(slug=slug).first()
    if queue is None:
        raise NotFound
    return queue


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """A fragment must not show the sign-in page inside a panel: htmx is sent there as a whole."""
    htmx = cast("HtmxDetails", cast("Any", request).htmx)
    if htmx:
        came_from = urlsplit(htmx.current_url_abs_path or "/").path
        to = redirect_to_login(came_from, resolve_url("account_login"))
        return HttpResponseClientRedirect(to.url)
    after = request.get_full_path() if request.method == "GET" else resolve_url("home")
    return redirect_to_login(after, resolve_url("account_login"))
