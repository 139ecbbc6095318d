"""The outermost word under /api/: what is refused before any view, or breaks there, is a problem too.

Django answers a foreign Host, a redirect and a broken middleware with pages for people.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.http.response import HttpResponse

from approvals.api import errors

ROOT = "/api/"
READING = {"GET", "HEAD", "OPTIONS"}
LONGEST_LENGTH = 15  # digits; what counts sizes as floating numbers breaks on a length beyond them
TOO_LONG = "The request says it is larger than anything this service takes."
MOVED = "The API's addresses begin with its own scheme and host and end with a slash."
UNREADABLE = "The request cannot be read, or its Host is none that this service answers to."


def problems(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Turn what is no answer of the API's own into one; stands before all that may refuse."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        if len(request.META.get("CONTENT_LENGTH") or "") > LONGEST_LENGTH:
            return _told(HttpResponse(), 413, TOO_LONG)
        response = get_response(request)
        if not f"{request.path_info}/".startswith(ROOT) or not isinstance(response, HttpResponse):
            return response
        if 300 <= response.status_code < 400 and request.method not in READING:
            # Followed as a GET, it would look as if the body had been taken.
            del response["Location"]
            return _told(response, 400, MOVED)
        if response.status_code >= 400 and response["Content-Type"] != errors.MEDIA_TYPE:
            detail = UNREADABLE if response.status_code == 400 else ""
            return _told(response, response.status_code, detail)
        return response

    return answer


def _told(response: HttpResponse, status: int, detail: str) -> HttpResponse:
    """The same answer, its headers kept, as a problem document."""
    response.status_code = status
    response.content = json.dumps(errors.of_status(status, detail)).encode()
    response["Content-Type"] = errors.MEDIA_TYPE
    response["Content-Length"] = str(len(response.content))
    response["Cache-Control"] = "no-store"
    return response
