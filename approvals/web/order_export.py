"""The filtered lists of orders and of batches as CSV files, read and sent a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.http import StreamingHttpResponse

from approvals import pagination, visibility
from approvals.actions import exports
from approvals.models import OrderBatch, OrderExecution
from approvals.records import database_time
from approvals.web import exported_files, order_filters
from approvals.web.decorators import DeskRequest, desk
from approvals.web.list_filters import FilteredList

MAX_ROWS = 10_000
PIECE = 500  # rows that are read with one statement
COLUMNS_OF_ORDERS = (
    *("id", "order_id", "attempt", "status", "error", "refusal", "execution_arn"),
    *("accepted_at", "started_at", "ended_at", "started_by", "batch"),
)
COLUMNS_OF_BATCHES = (
    *("id", "source", "source_version", "mode", "status", "trouble", "problem", "rows_read"),
    *("accepted", "known", "refused", "begun_at", "ended_at", "begun_by"),
)


@desk("POST")
def export_orders(request: DeskRequest) -> StreamingHttpResponse:
    """The first MAX_ROWS orders that the posted filters find, in the order of the list; it is recorded."""
    rows = visibility.visible_orders(request.actor).defer("input", "cause")
    filtered = order_filters.orders(rows.select_related("created_by"), request.POST)
    return _file(request, "orders", filtered, COLUMNS_OF_ORDERS, _order)


@desk("POST")
def export_batches(request: DeskRequest) -> StreamingHttpResponse:
    """The first MAX_ROWS batches that the posted filters find, in the order of the list; it is recorded."""
    rows = visibility.visible_batches(request.actor).defer("body")
    filtered = order_filters.batches(rows.select_related("created_by"), request.POST)
    return _file(request, "order-batches", filtered, COLUMNS_OF_BATCHES, _batch)


def _file(
    request: DeskRequest, name: str, filtered: FilteredList, columns: Any, values: Any
) -> StreamingHttpResponse:
    exports.record_order_export(name, filtered.active, by=request.actor)
    rows = (values(row) for row in _read(filtered))
    title = f"{name}-{database_time.now():%Y%m%dT%H%M%SZ}.csv"
    return exported_files.attachment(title, exported_files.lines(columns, rows))


def _read(filtered: FilteredList) -> Iterator[Any]:
    """The rows of a list in its order, at most MAX_ROWS, PIECE of them at a time."""
    cursor = ""
    for _piece in range(MAX_ROWS // PIECE):
        page = pagination.page(filtered.rows, filtered.order, size=PIECE, cursor=cursor)
        yield from page.rows
        if page.next is None:
            return
        cursor = page.next


def _order(row: OrderExecution) -> tuple[Any, ...]:
    return (
        *(row.pk, row.order_id, row.attempt, row.status, row.error, row.refusal),
        *(row.execution_arn, _time(row.created_at), _time(row.started_at), _time(row.ended_at)),
        *(row.created_by.email if row.created_by else None, row.batch_id),
    )


def _batch(row: OrderBatch) -> tuple[Any, ...]:
    return (
        *(row.pk, row.source, row.source_version, row.mode, row.status, row.trouble, row.problem),
        *(row.position, row.accepted, row.known, row.refused),
        *(_time(row.created_at), _time(row.ended_at)),
        row.created_by.email if row.created_by else None,
    )


def _time(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else None
