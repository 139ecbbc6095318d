"""Pages of a list: the token is the ARN of the next page's first item, so new items shift nothing."""

# ruff: noqa: SLF001 - this module reads moto's requests
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from moto.core.exceptions import AWSError


def page(
    response: Any, found: Sequence[Any], arn_of: Callable[[Any], str]
) -> tuple[Sequence[Any], dict[str, str]]:
    """Return the items that maxResults and nextToken select, and the fields for the next page.

    The fields are `nextToken`, or none on the last page. Raises InvalidToken.
    """
    token = response._get_param("nextToken")
    most = min(int(response._get_param("maxResults") or 0) or 100, 1000)
    start = 0
    if token is not None:
        indexes = (index for index, each in enumerate(found) if arn_of(each) == token)
        start = next(indexes, -1)
        if start < 0:
            raise AWSError("Invalid Token: 'Invalid token'", "InvalidToken")
    end = start + most
    more = {"nextToken": arn_of(found[end])} if end < len(found) else {}
    return found[start:end], more
