"""Middleware of the web process: answers probes and metrics before any other middleware."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from approvals.web import health

PROBES = {"/healthz/live": health.live, "/healthz/ready": health.ready, "/metrics": health.counted}


def probes(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Comes first, because load balancers and scrapers send the IP address as host, over plain http."""

    def answer(request: HttpRequest) -> HttpResponse:
        probe = PROBES.get(request.path_info)
        return probe(request) if probe else get_response(request)

    return answer
