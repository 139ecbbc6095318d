"""Batches of orders: their list, and one with its progress, refused rows and orders under way."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet, prefetch_related_objects
from django.http import HttpResponse
from django.shortcuts import render

from approvals.exceptions import NotFound
from approvals.models import OrderBatch, OrderExecution
from approvals.orchestration.batches import progress, sources
from approvals.web import order_filters, saved_views, viewed_lists
from approvals.web.decorators import DeskRequest, desk
from approvals.web.pagination import page_at_cursor

MAX_REFUSED_ROWS, MAX_OWN_EXECUTIONS = 100, 50
Status = OrderBatch.Status
LABELS = {
    "settled": "settled in the batch",
    "executions": "executions of their own",
    "under_way": "under way",
    "refused": "refused",
    "known": "known before",
}

ADVICE = (
    "Look whether the object is there, in our region, and unchanged since the batch began, and whether"
    " the worker's role has s3:GetObject and s3:GetObjectVersion on it; S3 refuses also a key that is not"
    " there."
)


@desk("GET")
def index(request: DeskRequest) -> HttpResponse:
    """One page of batches, the latest first; only the page of a single batch counts its orders by status."""
    rows = request.access.batches()
    rows = rows.defer("body").select_related("created_by")
    filtered = order_filters.batches(rows, request.GET)
    page = page_at_cursor(filtered.rows, filtered.order, request)
    context = {
        "now": request.access.now,
        "filtered": filtered,
        **saved_views.context(request.access, viewed_lists.BATCHES, filtered.query),
        "sorts": {
            "rows": filtered.sort_link("Rows read", "rows"),
            "refused": filtered.sort_link("Refused", "refused"),
            "begun": filtered.sort_link("Begun", "-begun", "begun"),
        },
        "page": page,
    }
    return render(request, "approvals/batches.html", context)


@desk("GET")
def show(request: DeskRequest, batch_id: UUID) -> HttpResponse:
    """One batch."""
    return render(request, "approvals/batch.html", _context(request, batch_id))


@desk("GET")
def refresh(request: DeskRequest, batch_id: UUID) -> HttpResponse:
    """The part of a batch's page that changes, for htmx."""
    return render(request, "approvals/_batch_progress.html", _context(request, batch_id))


def _context(request: DeskRequest, batch_id: UUID) -> dict[str, Any]:
    rows = request.access.batches().defer("body").select_related("created_by")
    batch = rows.filter(pk=batch_id).first()
    if batch is None:
        raise NotFound
    is_map = batch.mode == OrderBatch.Mode.MAP
    if is_map:
        prefetch_related_objects([batch], "executions")  # one, which is looked at twice
    counts = progress.by_status(batch)
    share, _ = progress.progress(batch, counts)
    sums = progress.totals(batch, counts)
    map_run = min(batch.executions.all(), key=lambda run: run.pk, default=None) if is_map else None
    own = list(_own_executions(batch))
    return {
        "now": request.access.now,
        "batch": batch,
        "percent": int(share * 100),
        "read": sums["read"],
        "lines": progress.lines_label(batch),
        "parts": [(label, sums[name], name) for name, label in LABELS.items()],
        "is_over": batch.status in {Status.FINISHED, Status.STOPPED},
        "map_run": map_run if map_run and not map_run.learned else None,
        "refusals": list(batch.refusals.order_by("item")[:MAX_REFUSED_ROWS]),
        "own_executions": own,
        "own_executions_cut": len(own) == MAX_OWN_EXECUTIONS,
        "is_file": batch.source.startswith(sources.FILE),
        "advice": ADVICE if batch.trouble.startswith(sources.S3) else "",
    }


def _own_executions(batch: OrderBatch) -> QuerySet[OrderExecution]:
    """The orders of a batch with an execution of their own, those at the end of its source first."""
    order = OrderExecution.Status
    in_batch_executions = (order.SETTLED, order.BATCHED)
    own = batch.orders.exclude(status__in=in_batch_executions).defer("input", "input_sha256")
    return own.order_by("-batch_item")[:MAX_OWN_EXECUTIONS]
