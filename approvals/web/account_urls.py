"""The account pages of allauth that are in use, with their limits.

Its other pages are left out: one changes the e-mail address that is stored with decisions, and none is
needed, because an operator makes the accounts.
"""

from __future__ import annotations

from collections.abc import Callable

from allauth.account import urls as allauth_urls
from allauth.account.adapter import get_adapter
from allauth.account.views import password_reset
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.views.decorators.cache import never_cache

from approvals.records import sign_in_limits
from approvals.web.sign_in_attempts import account_key, limited


def _count_change(request: HttpRequest) -> None:
    """Count a change of a password, which checks the old one, by who is signed in."""
    if request.user.is_authenticated:
        whom = account_key(request.user.email)
        sign_in_limits.count(sign_in_limits.PASSWORD_CHANGES, whom)


def _count_link(request: HttpRequest) -> None:
    """Count a request for a link, by address and by the account that it names."""
    sign_in_limits.count(sign_in_limits.LINKS_TO_ADDRESS, get_adapter().network_of(request))
    account = account_key(request.POST.get("email", ""))
    sign_in_limits.count(sign_in_limits.LINKS_FOR_ACCOUNT, account)


def _count_followed(request: HttpRequest) -> None:
    """Count a form that sets a password through a link, by address."""
    sign_in_limits.count(sign_in_limits.LINKS_FOLLOWED, get_adapter().network_of(request))


# Signing in and confirming a password are counted by the adapter, which knows whether they failed.
OPEN: dict[str, Callable[[HttpRequest], None] | None] = {
    "account_login": None,
    "account_logout": None,
    "account_inactive": None,
    "account_reauthenticate": None,
    "account_change_password": _count_change,
    "account_set_password": _count_change,
    "account_reset_password_done": None,
    "account_reset_password_from_key": _count_followed,
    "account_reset_password_from_key_done": None,
}


@never_cache
@limited(_count_link)
def reset_password(request: HttpRequest) -> HttpResponse:
    """Send a link to set a new password; without mail settings, a page that refers to an operator."""
    if settings.MAIL_IS_SENT:
        sent: HttpResponse = password_reset(request)
        return sent
    return render(request, "account/password_reset_unsent.html")


def _limited(route: URLPattern) -> URLPattern:
    """A route of allauth with its limit."""
    view = limited(OPEN[str(route.name)])(route.callback)
    return URLPattern(route.pattern, view, route.default_args, route.name)


urlpatterns = [
    path("password/reset/", reset_password, name="account_reset_password"),
    *(_limited(route) for route in allauth_urls.urlpatterns if route.name in OPEN),
]
