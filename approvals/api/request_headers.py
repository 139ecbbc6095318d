"""Reads the request headers If-Match and Idempotency-Key."""

from __future__ import annotations

import re

from rest_framework.request import Request

from approvals.exceptions import Invalid

_VERSION = re.compile(r'"([0-9]{1,18})"')
_KEY = re.compile(r"[\x20-\x7e]{1,255}")


def version(request: Request) -> int | None:
    """Returns the version of `If-Match: "7"`, None if the header is missing or `*`. Raises Invalid."""
    header = request.META.get("HTTP_IF_MATCH")
    if header is None or header.strip() == "*":
        return None
    match = _VERSION.fullmatch(header.strip())
    if match is None:
        raise Invalid('If-Match takes one version in quotes, such as "7".', header="If-Match")
    return int(match[1])


def idempotency_key(request: Request) -> str | None:
    """Returns the Idempotency-Key unchanged, None if it is missing. Raises Invalid."""
    header: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if header is not None and not _KEY.fullmatch(header):
        raise Invalid(
            "Idempotency-Key takes 1 to 255 printable ASCII characters.", header="Idempotency-Key"
        )
    return header
