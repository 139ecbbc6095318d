"""The admin site itself: its door is the desk's own sign-in page, with that page's rate limit."""

from __future__ import annotations

from functools import update_wrapper
from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.urls import URLPattern, URLResolver, reverse

from approvals.admin.rights import rights

# Stock addresses that nothing here needs: one turns any row's id into a redirect, one searches models.
CLOSED = {"view_on_site", "autocomplete"}


class ReviewSite(admin.AdminSite):
    """Django's admin site with our rights, our sign-in, and no page of its own for passwords."""

    site_title = "Countersign"
    site_header = "Countersign administration"
    index_title = "Administration"

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether this person may see at least one page."""
        return rights(request).enters

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """As the stock one, but whoever has signed in and may not enter is told so, not sent in circles."""
        guarded = super().admin_view(view, cacheable)

        def entered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if _holds_nul(request):
                raise SuspiciousOperation("NUL in a request")
            if request.user.is_authenticated and not self.has_permission(request):
                raise PermissionDenied
            answer: HttpResponse = guarded(request, *args, **kwargs)
            return answer

        return update_wrapper(entered, view)

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """The stock addresses but those of CLOSED."""
        return [url for url in super().get_urls() if getattr(url, "name", "") not in CLOSED]

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The desk's sign-in page, and back; that page judges whether `next` is an address of ours."""
        back = request.GET.get("next") or reverse("admin:index")
        return redirect_to_login(back, resolve_url("account_login"))

    def logout(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The desk's page for signing out, which asks before it does."""
        return redirect("account_logout")

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The desk's page for a new password."""
        return redirect("account_change_password")

    def password_change_done(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Where the stock site would say that it is done."""
        return redirect("admin:index")


def _holds_nul(request: HttpRequest) -> bool:
    """PostgreSQL cannot even compare with the NUL character."""
    texts = [request.path_info]
    for query in (request.GET, request.POST):
        texts += [text for name, values in query.lists() for text in (name, *values)]
    return any("\0" in text for text in texts)


site = ReviewSite()
