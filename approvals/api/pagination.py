"""Pages of a list as `{results, next, previous}`: the links hold a signed cursor, never an offset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict, TypeVar

from django.core import signing
from django.db.models import Model, QuerySet
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from approvals import pagination
from approvals.exceptions import Invalid

Row = TypeVar("Row", bound=Model)


class Envelope(TypedDict):
    """A page as the response has it."""

    results: Any
    next: str | None
    previous: str | None


def page(
    rows: QuerySet[Row], order: Sequence[str], *, cursor: str, size: int
) -> pagination.Page[Row]:
    """The page at `cursor`, with signed cursors of its neighbours. Raises Invalid for a tampered cursor.

    The signature covers the order too: a place in one order is no place in another.
    """
    signer = signing.Signer(salt=f"approvals.api.cursor:{','.join(order)}")
    try:
        place = signer.unsign(cursor) if cursor else ""
        found = pagination.page(rows, order, size=size, cursor=place)
    except (signing.BadSignature, Invalid):
        raise Invalid("This cursor is not one of this list's.", parameter="cursor") from None
    return pagination.Page(
        found.rows,
        signer.sign(found.next) if found.next else None,
        signer.sign(found.previous) if found.previous else None,
    )


def envelope(request: Request, found: pagination.Page[Any], results: Any) -> Envelope:
    """The page with its links: the URL of the request with another cursor."""
    here = request.build_absolute_uri()

    def link(cursor: str | None) -> str | None:
        return replace_query_param(here, "cursor", cursor) if cursor else None

    return {"results": results, "next": link(found.next), "previous": link(found.previous)}
