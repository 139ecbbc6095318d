"""The admin site: it uses the sign-in page of the desk, with the rate limit of that page."""

from __future__ import annotations

from datetime import UTC, tzinfo
from functools import update_wrapper
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.template.response import SimpleTemplateResponse
from django.urls import URLPattern, URLResolver, reverse
from django.utils import timezone

from approvals import policy
from approvals.admin.permissions import permissions
from approvals.models import User

# Stock URLs that are not needed: one redirects to a row of any model, one searches models.
CLOSED = {"view_on_site", "autocomplete"}


class ReviewSite(admin.AdminSite):
    """Django's admin site with the permissions, the sign-in page and the password pages of the desk."""

    site_title = "Countersign"
    site_header = "Countersign administration"
    index_title = "Administration"
    enable_nav_sidebar = False  # a bar of links above the page leaves lists their width

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether this person may see at least one page; programs have no session here."""
        user = request.user
        if isinstance(user, User) and not policy.may_have_password(user):
            return False
        return permissions(request).enters

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """The stock wrapper, but a signed-in user without permission gets a 403, not a redirect to sign in."""
        stock = super().admin_view(view, cacheable)

        def guarded_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if _holds_nul(request):
                raise SuspiciousOperation("NUL in a request")
            if request.user.is_authenticated and not self.has_permission(request):
                raise PermissionDenied
            with timezone.override(_zone(request)):
                response: HttpResponse = stock(request, *args, **kwargs)
                if isinstance(response, SimpleTemplateResponse):
                    response.render()  # within the person's time zone
            return response

        return update_wrapper(guarded_view, view)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The stock list of models, each under the name of its own page."""
        apps: list[Any] = super().get_app_list(request, app_label)
        for app in apps:
            for model in app["models"]:
                page: Any = self._registry[model["model"]]
                model["name"] = page.named
        return apps

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """The stock URLs without those of CLOSED."""
        return [url for url in super().get_urls() if getattr(url, "name", "") not in CLOSED]

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirect to the sign-in page of the desk, which checks whether `next` is a URL of this site."""
        back = request.GET.get("next") or reverse("admin:index")
        return redirect_to_login(back, resolve_url("account_login"))

    def logout(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirect to the sign-out page of the desk, which asks for confirmation."""
        return redirect("account_logout")

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirect to the password page of the desk."""
        return redirect("account_change_password")

    def password_change_done(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirect to the index: the desk confirms a new password itself."""
        return redirect("admin:index")


def _zone(request: HttpRequest) -> tzinfo:
    """The time zone that this person has chosen on the desk; UTC for none, or for one that is unknown."""
    try:
        return ZoneInfo(permissions(request).time_zone)
    except (ValueError, ZoneInfoNotFoundError):
        return UTC


def _holds_nul(request: HttpRequest) -> bool:
    """Whether the path, the query or the form has a NUL character, which PostgreSQL refuses."""
    texts = [request.path_info]
    for query in (request.GET, request.POST):
        texts += [text for name, values in query.lists() for text in (name, *values)]
    return any("\0" in text for text in texts)


site = ReviewSite()
