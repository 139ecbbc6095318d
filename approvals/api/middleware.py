"""Turns Django's own error responses under /api/ into problem documents.

Django answers an unknown Host, a redirect and an error in another middleware with HTML pages.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.http.response import HttpResponse

from approvals.api import errors

ROOT = "/api/"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
MAX_LENGTH_DIGITS = 15  # of Content-Length: larger sizes break what computes with floating point
TOO_LONG = "The Content-Length is larger than anything that this service accepts."
MOVED = "Send the request to the API's own scheme and host, with a slash at the end of the path."
UNREADABLE = "The request cannot be read, or this service does not answer to its Host."


def problems(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware that makes every error response under /api/ a problem document; it comes first."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if len(request.META.get("CONTENT_LENGTH") or "") > MAX_LENGTH_DIGITS:
            return _as_problem(HttpResponse(), 413, TOO_LONG)
        response = get_response(request)
        if not f"{request.path_info}/".startswith(ROOT) or not isinstance(response, HttpResponse):
            return response
        if 300 <= response.status_code < 400 and request.method not in SAFE_METHODS:
            # A client would follow the redirect with a GET and take the response for success.
            del response["Location"]
            return _as_problem(response, 400, MOVED)
        if response.status_code >= 400 and response["Content-Type"] != errors.MEDIA_TYPE:
            detail = UNREADABLE if response.status_code == 400 else ""
            return _as_problem(response, response.status_code, detail)
        return response

    return middleware


def _as_problem(response: HttpResponse, status: int, detail: str) -> HttpResponse:
    """Returns the same response, headers included, with a problem document as its body."""
    response.status_code = status
    response.content = json.dumps(errors.document_of_status(status, detail)).encode()
    response["Content-Type"] = errors.MEDIA_TYPE
    response["Content-Length"] = str(len(response.content))
    response["Cache-Control"] = "no-store"
    return response
