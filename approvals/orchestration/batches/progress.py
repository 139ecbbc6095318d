"""The progress of an order batch: its orders by status, their totals, and the share that is done."""

from __future__ import annotations

from django.db.models import Count

from approvals.models import OrderBatch, OrderExecution

Mode, Status = OrderBatch.Mode, OrderBatch.Status


def by_status(batch: OrderBatch) -> dict[str, int]:
    """How many of a batch's orders have each status. Counts rows: for one batch, not for a list."""
    rows = OrderExecution.objects.filter(batch=batch).order_by()
    counts = rows.values_list("status").annotate(count=Count("pk"))
    return {str(status): count for status, count in counts}


def totals(batch: OrderBatch, counts: dict[str, int]) -> dict[str, int]:
    """A batch's rows by what became of them: read = settled + executions + refused + known + under_way.

    `executions` are orders with an execution of their own.
    """
    order = OrderExecution.Status
    under_way = counts.get(order.PENDING, 0) + counts.get(order.BATCHED, 0)
    settled, refused = counts.get(order.SETTLED, 0), counts.get(order.REFUSED, 0)
    return {
        "read": batch.position,
        "settled": settled,
        "executions": sum(counts.values()) - settled - refused - under_way,
        "refused": batch.refused + refused,
        "known": batch.known,
        "under_way": under_way,
    }


def lines(batch: OrderBatch) -> dict[str, int] | None:
    """The lines of a batch's source that were read, below a header: total = the sum of all others.

    `rows` are those that became orders, `continuation` those that go on with the row above. None where
    rows are not lines: a JSON array, or before anything was read.
    """
    if not batch.lines:
        return None
    return {
        "total": batch.lines,
        "rows": batch.accepted + batch.known,
        "refused": batch.refused,
        "blank": batch.blank_lines,
        "continuation": batch.continuation_lines,
    }


def lines_label(batch: OrderBatch) -> str:
    """The same in a sentence; empty where rows are not lines."""
    found = lines(batch)
    if found is None:
        return ""
    below = " below the header" if batch.format == OrderBatch.Format.CSV else ""
    return (
        f"{found['total']} lines{below}: {found['rows']} rows, {found['refused']} refused,"
        f" {found['blank']} blank, {found['continuation']} that continue a row"
    )


def progress(batch: OrderBatch, counts: dict[str, int]) -> tuple[float, str]:
    """The share of a batch that is done, 0 to 1, and a summary. Half is reading it, half is its orders' ends."""
    rows = totals(batch, counts)
    mapped = _mapped(batch)
    if batch.status == Status.FINISHED:
        share = 1.0
    else:
        read = 1.0 if batch.status == Status.READ else batch.bytes_read / max(1, batch.bytes)
        ended = 1 - max(0, rows["under_way"] - mapped) / batch.accepted if batch.accepted else 0.0
        share = min(0.99, read * (1 + ended) / 2)
    labels = {"executions": "own executions", "under_way": "under way", "known": "known before"}
    parts = [f"{count} {labels.get(name, name)}" for name, count in rows.items() if count]
    if mapped:
        parts.append(f"{mapped} done by the map")
    return share, ", ".join(parts) or "nothing read yet"


def _mapped(batch: OrderBatch) -> int:
    """How many orders the running map of a batch has done, by the latest ListMapRuns."""
    if batch.mode != Mode.MAP or batch.status != Status.READ:
        return 0
    return sum(run.items_done for run in batch.executions.all() if not run.learned)
