"""Pages of a list as `{results, next, previous}`, with links that hold a signed cursor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypedDict, TypeVar

from django.core import signing
from django.db.models import Model, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from approvals import pagination
from approvals.api import queries
from approvals.api.serializers.fields import VerbatimText
from approvals.api.serializers.requests import StrictSerializer
from approvals.exceptions import Invalid

Row = TypeVar("Row", bound=Model)

DEFAULT_ROWS, MOST_ROWS = queries.DEFAULT_ROWS, 200  # of a page
LONGEST_CURSOR = 1_000


class PageQuery(StrictSerializer):
    """Which page of a list, and its size."""

    cursor = VerbatimText(default="", max_length=LONGEST_CURSOR)
    page_size = serializers.IntegerField(default=DEFAULT_ROWS, min_value=1, max_value=MOST_ROWS)


class Envelope(TypedDict):
    """A page in a response."""

    results: Any
    next: str | None
    previous: str | None


def page(
    rows: QuerySet[Row],
    order: Sequence[str],
    *,
    cursor: str,
    size: int,
    narrow: Callable[[QuerySet[Row], int], QuerySet[Row]] = pagination.everything,
    read_first: Callable[[], list[Row]] | None = None,
) -> pagination.Page[Row]:
    """Returns the page at `cursor` with signed cursors of its neighbours.

    `read_first` reads the same rows for the first page of the default size, one more of them.

    The signature covers the order, so a cursor of another list is refused. Raises Invalid for a
    cursor that was tampered with.
    """
    signer = signing.Signer(salt=f"approvals.api.cursor:{','.join(order)}")
    try:
        position = signer.unsign(cursor) if cursor else ""
        if read_first and not position and size == DEFAULT_ROWS:
            found = pagination.first(read_first(), order, size=size)
        else:
            found = pagination.page(rows, order, size=size, cursor=position, narrow=narrow)
    except (signing.BadSignature, Invalid):
        raise Invalid("This cursor does not belong to this list.", parameter="cursor") from None
    return pagination.Page(
        found.rows,
        signer.sign(found.next) if found.next else None,
        signer.sign(found.previous) if found.previous else None,
    )


def envelope(request: Request, found: pagination.Page[Any], results: Any) -> Envelope:
    """Returns the page with its links, which are the request's address with another cursor."""
    here = request.build_absolute_uri()

    def link(cursor: str | None) -> str | None:
        return replace_query_param(here, "cursor", cursor) if cursor else None

    return {"results": results, "next": link(found.next), "previous": link(found.previous)}
