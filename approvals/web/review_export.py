"""The filtered list of a queue as a CSV file, read and sent a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.http import StreamingHttpResponse

from approvals import pagination
from approvals.actions import exports
from approvals.models import ReviewQueue, ReviewTask
from approvals.web import exported_files, review_filters, review_rows
from approvals.web.decorators import DeskRequest, desk
from approvals.web.review_filters import FilteredReviews

MAX_ROWS = 100_000
PIECE = 500  # rows that are read with one statement
COLUMNS = (
    *("id", "reference", "title", "status", "customer", "amount", "currency", "error", "priority"),
    *("received_at", "deadline_at", "snoozed_until", "held_by", "execution_arn"),
)


@desk("POST")
def export(request: DeskRequest, slug: str) -> StreamingHttpResponse:
    """The first MAX_ROWS reviews that the posted filters find, in the order of the list; it is recorded."""
    queue = request.access.queue(slug)
    everything = request.access.reviews().filter(queue=queue)
    filtered = review_filters.apply_filters(everything, request.POST, request)
    now = request.access.now
    exports.record_review_export(queue, filtered.active, by=request.actor)
    rows = (_values(review, now) for review in _read(queue, filtered))
    name = f"{queue.slug}-{now:%Y%m%dT%H%M%SZ}.csv"
    return exported_files.attachment(name, exported_files.lines(COLUMNS, rows))


def _read(queue: ReviewQueue, filtered: FilteredReviews) -> Iterator[ReviewTask]:
    """The reviews of the list in its order, at most MAX_ROWS, PIECE of them at a time."""
    rows, cursor = review_rows.lean(filtered.listed), ""
    for _piece in range(MAX_ROWS // PIECE):
        page = pagination.page(
            rows, filtered.order, size=PIECE, cursor=cursor, narrow=filtered.narrow_in(queue)
        )
        yield from page.rows
        if page.next is None:
            return
        cursor = page.next


def _values(review: ReviewTask, now: datetime) -> tuple[Any, ...]:
    row = review_rows.ReviewRow(review, now)
    return (
        *(review.pk, review.reference, review.title, review.status, row.customer),
        *(row.plain_amount, row.currency, review.error_name, review.priority),
        *(_time(review.received_at), _time(review.deadline_at), _time(review.snoozed_until)),
        *(row.holder.email if row.holder else None, review.execution_arn),
    )


def _time(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else None
