"""Pages of the desk's lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from approvals import pagination
from approvals.pagination import Page

Row = TypeVar("Row", bound=Model)
PAGE_SIZE = 25


def page_at_cursor(
    rows: QuerySet[Row],
    order: Sequence[str],
    request: HttpRequest,
    narrow: Callable[[QuerySet[Row], int], QuerySet[Row]] = pagination.everything,
) -> Page[Row]:
    """The page at the URL's cursor, the first one without a cursor. Raises Invalid for a bent cursor.

    `narrow` as in `pagination.page`.
    """
    cursor = request.GET.get("cursor", "")
    return pagination.page(rows, order, size=PAGE_SIZE, cursor=cursor, narrow=narrow)
