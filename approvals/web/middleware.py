"""Middleware of the web process: probes and metrics are answered before anything else looks at a request."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from approvals.web import health

PROBES = {"/healthz/live": health.live, "/healthz/ready": health.ready, "/metrics": health.counted}


def probes(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Answer before any other middleware: load balancers and scrapers ask by IP address, over plain http."""

    def answer(request: HttpRequest) -> HttpResponse:
        probe = PROBES.get(request.path_info)
        return probe(request) if probe else get_response(request)

    return answer
