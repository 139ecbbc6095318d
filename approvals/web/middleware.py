"""Middleware of the web process: answers probes and metrics before all else, compresses, refuses odd cookies."""

from __future__ import annotations

import gzip
import re
import secrets
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django_structlog.middlewares import RequestMiddleware

from approvals.web import health, live_updates
from config import client_addresses, client_limits

PROBES = {"/healthz/live": health.live, "/healthz/ready": health.ready, "/metrics": health.counted}
API = "/api/"
LEAST_BYTES = 1_000  # less than one packet of the network: nothing to gain
LEVEL = 1  # less than half of level 6's time, for a tenth more bytes
MOST_PADDING = 100  # bytes
MOST_ESCAPES = 500  # backslashes of a Cookie; ours have none
_ACCEPTED = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")


def probes(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Comes first, because load balancers and scrapers send the IP address as host, over plain http."""

    def answer(request: HttpRequest) -> HttpResponse:
        probe = PROBES.get(request.path_info)
        return probe(request) if probe else get_response(request)

    return answer


def cookies(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Refuses a Cookie of many escapes, before anything reads it.

    Python before 3.11.10 and 3.12.6 undoes them in the square of their number (CVE-2024-7592): 1.5 s for the
    longest head.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        if request.META.get("HTTP_COOKIE", "").count("\\") > MOST_ESCAPES:
            text = "The cookies of this site cannot be read: delete them.\n"
            return HttpResponseBadRequest(text, content_type="text/plain")
        return get_response(request)

    return answer


def clients(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Tells the server that a session is valid, which views and other middleware have found out.

    Requests without a valid one share the turns of their address (`config.client_limits`). For tokens,
    `approvals.api.authentication` does the same.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        is_new = client_limits.AUTHENTICATED in request.META
        if is_new and not request.path_info.startswith(API) and request.user.is_authenticated:
            client_limits.authenticated(request.META)
        return response

    return answer


class RequestLog(RequestMiddleware):
    """Writes a line for each request, whose `ip` is the address that our own proxies report.

    The library would take the one that the client itself writes into X-Forwarded-For.
    """

    @classmethod
    def bind_ip(cls, request: HttpRequest) -> None:
        """Have all lines of a request name its address."""
        proxies = settings.ALLAUTH_TRUSTED_PROXY_COUNT
        address = client_addresses.address(request.META, proxies=proxies)
        structlog.contextvars.bind_contextvars(ip=address)


def compression(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Compresses responses for clients that accept gzip, unless their length could give a secret away.

    BREACH guesses a secret in a response from the length of many compressed responses that repeat a text
    of the attacker's choice. So a page is compressed only if its request has neither a body nor a query
    string that it could repeat; its CSRF token differs in every response. API requests carry a token that
    no other site can make a browser send. The length is padded at random in all of them.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not isinstance(response, HttpResponse) or not _may_be_compressed(request, response):
            return response
        patch_vary_headers(response, ["Accept-Encoding"])
        if _ACCEPTED.search(request.META.get("HTTP_ACCEPT_ENCODING", "")):
            response.content = _compressed(response.content)
            response["Content-Length"] = str(len(response.content))
            response["Content-Encoding"] = "gzip"
        return response

    return middleware


def _may_be_compressed(request: HttpRequest, response: HttpResponse) -> bool:
    """Whether a response is long enough, and repeats no text of its request.

    The ETag of a review is the version that If-Match takes; with an encoding it would have to be
    another one, so those responses stay as they are.
    """
    if len(response.content) < LEAST_BYTES or "ETag" in response or "Content-Encoding" in response:
        return False
    if live_updates.STREAMS in request.META:
        return False  # the server reads it
    is_plain = request.method in {"GET", "HEAD"} and not request.META.get("QUERY_STRING")
    return is_plain or request.path_info.startswith(API)


def _compressed(content: bytes) -> bytes:
    """Returns the content as gzip, with a name of random length in its header (RFC 1952, 2.3.1)."""
    body = gzip.compress(content, LEVEL, mtime=0)
    name = b"a" * secrets.randbelow(MOST_PADDING) + b"\0"
    return body[:3] + bytes([gzip.FNAME]) + body[4:10] + name + body[10:]
