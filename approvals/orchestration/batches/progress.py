"""How a batch stands: what its rows have come to, and how far it is."""

from __future__ import annotations

from django.db.models import Count

from approvals.models import OrderBatch, OrderExecution

Mode, Status = OrderBatch.Mode, OrderBatch.Status


def stand(batch: OrderBatch) -> dict[str, int]:
    """How many of a batch's orders stand where, by their status. Counts rows: for one batch, not for a list."""
    rows = OrderExecution.objects.filter(batch=batch).order_by()
    counted = rows.values_list("status").annotate(count=Count("pk"))
    return {str(status): count for status, count in counted}


def sums(batch: OrderBatch, stands: dict[str, int]) -> dict[str, int]:
    """A batch's rows by their end: read = settled + own executions + refused + known + under way."""
    order = OrderExecution.Status
    under_way = stands.get(order.PENDING, 0) + stands.get(order.BATCHED, 0)
    settled, refused = stands.get(order.SETTLED, 0), stands.get(order.REFUSED, 0)
    return {
        "read": batch.position,
        "settled": settled,
        "executions": sum(stands.values()) - settled - refused - under_way,
        "refused": batch.refused + refused,
        "known": batch.known,
        "under_way": under_way,
    }


def progress(batch: OrderBatch, stands: dict[str, int]) -> tuple[float, str]:
    """How far a batch is, 0 to 1, and in words. Half is reading it, half is what its orders come to."""
    told = sums(batch, stands)
    mapped = _mapped(batch)
    if batch.status == Status.FINISHED:
        share = 1.0
    else:
        read = 1.0 if batch.status == Status.READ else batch.bytes_read / max(1, batch.bytes)
        ended = 1 - max(0, told["under_way"] - mapped) / batch.accepted if batch.accepted else 0.0
        share = min(0.99, read * (1 + ended) / 2)
    words = {"executions": "own executions", "under_way": "under way", "known": "known before"}
    said = [f"{count} {words.get(name, name)}" for name, count in told.items() if count]
    if mapped:
        said.append(f"{mapped} done by the map")
    return share, ", ".join(said) or "nothing read yet"


def _mapped(batch: OrderBatch) -> int:
    """How many orders a map that is under way has done, as ListMapRuns told last."""
    if batch.mode != Mode.MAP or batch.status != Status.READ:
        return 0
    return sum(batch.executions.filter(learned=False).values_list("items_done", flat=True))
