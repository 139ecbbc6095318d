"""The path of a review's execution through its workflow, drawn from the stored history.

The page of a review asks for it when its reader does. Nothing here calls AWS: a worker is asked to read the
execution if what is stored is older than the review, and the page shows it once it is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render

from approvals.exceptions import NotFound
from approvals.models import OrderExecution, ReviewTask
from approvals.records import execution_history, places, wake_ups
from approvals.web import execution_view, reviews
from approvals.web.decorators import DeskRequest, desk
from approvals.web.execution_view import ExecutionView


@dataclass(frozen=True)
class ReviewPath:
    """The drawn workflow of a review; `awaited` if a worker is to read a newer history first.

    `problem` says in a sentence why it could not be read the last time.
    """

    execution: ExecutionView
    read_at: datetime | None
    problem: str
    awaited: bool


@desk("GET")
def show(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """The path, for htmx as a fragment. Raises NotFound for a review that names no execution of an order."""
    review = reviews.find(request.access, review_id)
    now = request.access.now
    context = {"now": now, "review": review, "path": path_of(review, now)}
    template = "approvals/_review_path.html" if request.htmx else "approvals/review_path.html"
    return render(request, template, context)


def path_of(review: ReviewTask, now: datetime) -> ReviewPath:
    """The path of a review's execution as stored; asks a worker for a newer one where that is needed.

    Raises NotFound if the review names no execution that we started, or one that its queue may not ask for.
    """
    order = _order(review)
    if order is None:
        raise NotFound
    history = execution_history.of(order)
    if execution_history.is_wanted(order, history, now):
        wake_ups.after_commit(wake_ups.READ, order.pk)
    read_at = history.read_at if history else None
    problem = execution_view.problem_of(history)
    return ReviewPath(
        execution=execution_view.view_of(order, history),
        read_at=read_at,
        problem=problem,
        awaited=not problem and (read_at is None or read_at < review.received_at),
    )


def _order(review: ReviewTask) -> OrderExecution | None:
    """The order whose execution a review names; none if that is another place's than its queue's."""
    if not places.is_asked_after(review):
        return None
    started = OrderExecution.objects.defer("input", "cause")
    return started.filter(execution_arn=review.execution_arn).first()
