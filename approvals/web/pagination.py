"""Pages of the desk's lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from approvals import pagination
from approvals.exceptions import Invalid
from approvals.pagination import Page

Row = TypeVar("Row", bound=Model)
PAGE_SIZE = 25


def page_or_first(rows: QuerySet[Row], order: Sequence[str], request: HttpRequest) -> Page[Row]:
    """The page at the URL's cursor, or the first page for an invalid or outdated cursor."""
    cursor = request.GET.get("cursor", "")
    try:
        return pagination.page(rows, order, size=PAGE_SIZE, cursor=cursor)
    except Invalid:
        return pagination.page(rows, order, size=PAGE_SIZE)
