"""What a person reads when a request broke; Django asks here from inside the `except` of the fault."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error

RETRY_AFTER = 5  # seconds


def broken(request: HttpRequest) -> HttpResponse:
    """503 where the database is away or does not get through in time, else 500; asks no database.

    Here and not in a view's frame: the session and the person are loaded before any view runs.
    """
    if not isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return server_error(request)
    page = render_to_string("503.html")
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER)})
