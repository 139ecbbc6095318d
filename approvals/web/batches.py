"""Batches of orders: the list of them, and one with how far it is, what was refused, what is under way."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render

from approvals import pagination, policy
from approvals.exceptions import Invalid, NotFound
from approvals.models import OrderBatch, OrderExecution
from approvals.orchestration.batches import progress, sources
from approvals.records import database_time
from approvals.web.decorators import DeskRequest, desk

PAGE = 25
REFUSALS, OWN = 100, 50
BY_AGE = ("-created_at", "-id")
Status = OrderBatch.Status
WORDS = {
    "settled": "settled in the batch",
    "executions": "executions of their own",
    "under_way": "under way",
    "refused": "refused",
    "known": "known before",
}


@desk("GET")
def index(request: DeskRequest) -> HttpResponse:
    """One page of batches, the latest first; what each has come to is counted on its own page."""
    rows = policy.visible_batches(request.actor).defer("body").select_related("created_by")
    try:
        page = pagination.page(rows, BY_AGE, size=PAGE, cursor=request.GET.get("cursor", ""))
    except Invalid:  # a bent or outdated link still leads to the list
        page = pagination.page(rows, BY_AGE, size=PAGE)
    return render(request, "approvals/batches.html", {"now": database_time.now(), "page": page})


@desk("GET")
def show(request: DeskRequest, batch_id: UUID) -> HttpResponse:
    """One batch."""
    return render(request, "approvals/batch.html", _context(request, batch_id))


@desk("GET")
def news(request: DeskRequest, batch_id: UUID) -> HttpResponse:
    """The part of a batch's page that changes, for htmx."""
    return render(request, "approvals/_batch_progress.html", _context(request, batch_id))


def _context(request: DeskRequest, batch_id: UUID) -> dict[str, Any]:
    rows = policy.visible_batches(request.actor).defer("body").select_related("created_by")
    batch = rows.filter(pk=batch_id).first()
    if batch is None:
        raise NotFound
    stands = progress.stand(batch)
    share, said = progress.progress(batch, stands)
    sums = progress.sums(batch, stands)
    carrier = batch.executions.filter(batch__mode=OrderBatch.Mode.MAP).first()
    own = list(_own(batch))
    return {
        "now": database_time.now(),
        "batch": batch,
        "percent": int(share * 100),
        "said": said,
        "read": sums["read"],
        "parts": [(word, sums[name], name) for name, word in WORDS.items()],
        "is_over": batch.status in {Status.FINISHED, Status.STOPPED},
        "map_run": carrier if carrier and not carrier.learned else None,
        "refusals": list(batch.refusals.order_by("item")[:REFUSALS]),
        "own": own,
        "own_is_cut": len(own) == OWN,
        "is_file": batch.source.startswith(sources.FILE),
    }


def _own(batch: OrderBatch) -> Any:
    """Orders of a batch with an execution of their own, the last of its source first."""
    order = OrderExecution.Status
    carried = (order.SETTLED, order.BATCHED)
    own = batch.orders.exclude(status__in=carried).defer("input", "input_sha256")
    return own.order_by("-batch_item")[:OWN]
