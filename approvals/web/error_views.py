"""The pages of addresses that lead nowhere and of unexpected errors."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.defaults import page_not_found, server_error

RETRY_AFTER = 5  # seconds


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404, with the navigation of the desk for people who have signed in."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return page_not_found(request, exception)
    return render(request, "approvals/not_found.html", status=404)


def broken(request: HttpRequest) -> HttpResponse:
    """503 if the database cannot be reached or does not answer in time, else 500; queries nothing.

    A decorator of the views would miss errors while the session and the user are loaded.
    """
    if not isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return server_error(request)
    page = render_to_string("503.html")
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER)})
