"""The page of an unexpected error. Django calls it while the exception is being handled."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error

RETRY_AFTER = 5  # seconds


def broken(request: HttpRequest) -> HttpResponse:
    """503 if the database cannot be reached or does not answer in time, else 500; queries nothing.

    A decorator of the views would miss errors while the session and the user are loaded.
    """
    if not isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return server_error(request)
    page = render_to_string("503.html")
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER)})
