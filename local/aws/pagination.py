"""Pages of a list: a token names the first item of the next one, so newer items shift nothing."""

# ruff: noqa: SLF001 - reading a request of moto's is what this room is for
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from moto.core.exceptions import AWSError


def page(
    response: Any, found: Sequence[Any], arn_of: Callable[[Any], str]
) -> tuple[Sequence[Any], dict[str, str]]:
    """Return what maxResults and nextToken select, and the `nextToken` of the answer if there is more.

    Raises InvalidToken.
    """
    token = response._get_param("nextToken")
    most = min(int(response._get_param("maxResults") or 0) or 100, 1000)
    start = 0
    if token is not None:
        places = (place for place, each in enumerate(found) if arn_of(each) == token)
        start = next(places, -1)
        if start < 0:
            raise AWSError("Invalid Token: 'Invalid token'", "InvalidToken")
    end = start + most
    more = {"nextToken": arn_of(found[end])} if end < len(found) else {}
    return found[start:end], more
