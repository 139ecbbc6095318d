"""The account pages of allauth that are in use.

Its other pages are left out: one changes the e-mail address that is stored with decisions, and none is
needed, because an operator makes the accounts.
"""

from __future__ import annotations

from allauth.account import urls as allauth_urls
from allauth.account.views import password_reset
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import never_cache

OPEN = {
    "account_login",
    "account_logout",
    "account_inactive",
    "account_reauthenticate",
    "account_change_password",
    "account_set_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
}


@never_cache
def reset_password(request: HttpRequest) -> HttpResponse:
    """Send a link to set a new password; without mail settings, a page that refers to an operator."""
    if settings.MAIL_IS_SENT:
        sent: HttpResponse = password_reset(request)
        return sent
    return render(request, "account/password_reset_unsent.html")


urlpatterns = [
    path("password/reset/", reset_password, name="account_reset_password"),
    *(route for route in allauth_urls.urlpatterns if route.name in OPEN),
]
