"""Probes for load balancers and scrapers: is the process alive, is it ready, what are its metrics?"""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from approvals.web.metrics import metrics
from config.probes import MARK


@require_safe
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": "live"})


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """The database answers and its tables are there: 200, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM approvals_reviewqueue LIMIT 1")
    except (DatabaseError, InterfaceError):
        return JsonResponse({"status": "unavailable", "database": "away"}, status=503)
    return JsonResponse({"status": "ready", "database": "ok"})


def counted(request: HttpRequest) -> HttpResponse:
    """The metrics: on PROBE_PORT alone if there is one, else for clients that came through no proxy."""
    hidden = (
        MARK not in request.META if settings.PROBE_PORT else "X-Forwarded-For" in request.headers
    )
    return HttpResponseNotFound() if hidden else metrics(request)
