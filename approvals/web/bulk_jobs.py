"""Bulk decisions: their list, and one with its progress, the result of each review, retry, undo and report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Max, OuterRef, QuerySet, Subquery
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render

from approvals import visibility
from approvals.actions import bulk_decisions, exports
from approvals.exceptions import ApprovalsError, NotFound
from approvals.models import BulkItem, BulkJob, ReviewTask
from approvals.web import exported_files, review_rows
from approvals.web.decorators import DeskRequest, desk
from approvals.web.pagination import page_at_cursor
from approvals.web.refusals import refusal_text

State, Status = BulkItem.State, BulkJob.Status
LATEST = ("-id",)
COLUMNS = (
    *("number", "id", "reference", "customer", "amount", "currency", "result", "code", "detail"),
    *("decision", "at"),
)


@desk("GET")
def index(request: DeskRequest) -> HttpResponse:
    """One page of the bulk decisions that this person may see, the latest first."""
    failed = BulkItem.objects.filter(job=OuterRef("pk"), state=State.FAILED).order_by()
    counted = failed.values("job").annotate(number=Count("pk")).values("number")
    rows = _visible(request).annotate(failed=Subquery(counted))
    page = page_at_cursor(rows, LATEST, request)
    return render(request, "approvals/bulk_all.html", {"now": request.access.now, "page": page})


@desk("GET")
def show(request: DeskRequest, job_id: UUID) -> HttpResponse:
    """One bulk decision."""
    return render(request, "approvals/bulk.html", _context(request, _job(request, job_id)))


@desk("GET")
def refresh(request: DeskRequest, job_id: UUID) -> HttpResponse:
    """The part of its page that changes, for htmx."""
    context = _context(request, _job(request, job_id))
    return render(request, "approvals/_bulk_progress.html", context)


@desk("POST")
def undo(request: DeskRequest, job_id: UUID) -> HttpResponse:
    """Have what is not sent yet undone, and the rest cancelled."""
    try:
        bulk_decisions.undo(job_id, by=request.actor)
    except ApprovalsError as error:
        return _refused(request, job_id, error)
    messages.info(request, "A worker is taking the decisions back that were not sent yet.")
    return redirect("bulk", job_id)


@desk("POST")
def retry(request: DeskRequest, job_id: UUID) -> HttpResponse:
    """Have what failed tried again."""
    try:
        bulk_decisions.retry(job_id, by=request.actor)
    except ApprovalsError as error:
        return _refused(request, job_id, error)
    return redirect("bulk", job_id)


@desk("POST")
def export(request: DeskRequest, job_id: UUID) -> StreamingHttpResponse:
    """The result of every review as a CSV file; it is recorded."""
    job = _job(request, job_id)
    exports.record_bulk_export(job.pk, by=request.actor)
    name = f"bulk-{job.created_at:%Y%m%dT%H%M%SZ}.csv"
    return exported_files.attachment(name, exported_files.lines(COLUMNS, _lines(job)))


def _visible(request: DeskRequest) -> QuerySet[BulkJob]:
    rows = visibility.visible_bulk_jobs(request.actor)
    return rows.select_related("queue", "created_by", "undo_by")


def _job(request: DeskRequest, job_id: UUID) -> BulkJob:
    job = _visible(request).filter(pk=job_id).first()
    if job is None:
        raise NotFound
    return job


def _refused(request: DeskRequest, job_id: UUID, error: ApprovalsError) -> HttpResponse:
    """The page with the refusal above it. Raises NotFound."""
    context = _context(request, _job(request, job_id))
    context["refusal"] = refusal_text(error, request.access)
    return render(request, "approvals/bulk.html", context, status=error.status)


def _context(request: DeskRequest, job: BulkJob) -> dict[str, Any]:
    grouped = job.items.order_by().values_list("state").annotate(number=Count("pk"))
    counts = {State(state): number for state, number in grouped}
    asked = request.GET.get("state", "")
    state = State(asked) if asked in State.values else None
    items = job.items.filter(state=state) if state else job.items.all()
    items = items.select_related("review").only(
        *("job", "number", "state", "code", "detail"),
        *("review__reference", "review__title"),
    )
    is_over = job.status == Status.FINISHED
    done = job.total - counts.get(State.PENDING, 0)
    return {
        "now": request.access.now,
        "job": job,
        "is_over": is_over,
        "failed": counts.get(State.FAILED, 0),
        "done": done,
        "percent": done * 100 // job.total,
        "parts": [(each, each.label, counts[each]) for each in State if each in counts],
        "state": state or "",
        "page": page_at_cursor(items, ("number",), request),
        "undo": _undoable(request, job, counts),
        "may_retry": is_over
        and counts.get(State.FAILED, 0)
        and job.undo_by_id is None
        and job.created_by_id == request.user.pk,
        "query": f"state={state}" if state else "",
    }


def _undoable(
    request: DeskRequest, job: BulkJob, counts: dict[BulkItem.State, int]
) -> dict[str, Any] | None:
    """How many decisions can be undone and until when; None if none can, or not by this person."""
    if job.status == Status.UNDOING or not request.access.may_undo_bulk(job).allowed:
        return None
    found = bulk_decisions.undoable(job).aggregate(number=Count("pk"), until=Max("not_before"))
    pending = counts.get(State.PENDING, 0)
    return found | {"pending": pending} if found["number"] or pending else None


def _lines(job: BulkJob) -> Iterator[tuple[Any, ...]]:
    items = list(job.items.order_by("number"))
    reviews = ReviewTask.objects.without_secrets().filter(pk__in=[one.review_id for one in items])
    rows = {row.pk: row for row in review_rows.lean(reviews)}
    for item in items:
        row = review_rows.ReviewRow(rows[item.review_id], job.created_at)
        yield (
            *(item.number, item.review_id, row.review.reference, row.customer),
            *(row.plain_amount, row.currency, item.state, item.code, item.detail),
            item.decision,
            item.at.astimezone(UTC).isoformat(timespec="seconds") if item.at else None,
        )
