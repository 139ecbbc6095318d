"""Health: is the process alive, and can it do its work? For load balancers, not for people."""

from __future__ import annotations

from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@require_safe
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """The process answers: 200, whatever else is broken."""
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
