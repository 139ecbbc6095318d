"""Approve, reject and undo: a page each, or a panel on the review's page where htmx asks for one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django_htmx.http import HttpResponseClientRedirect

from approvals import policy
from approvals.actions import decisions
from approvals.actions.decisions import DecisionRequest
from approvals.exceptions import AlreadyDecided, ApprovalsError, Invalid, NotFound
from approvals.models import Decision, ReviewTask
from approvals.models.choices import Outcome
from approvals.policy import Action
from approvals.records import database_time
from approvals.untrusted import display
from approvals.web import payload_view, reviews, wording
from approvals.web.decorators import DeskRequest, desk, refused, reviews_of
from approvals.web.forms import DecisionForm, blank


@desk("GET", "POST")
def approve(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """Say what an approval does, and approve."""
    return _decide(request, review_id, Outcome.APPROVED)


@desk("GET", "POST")
def reject(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """Ask for a reason, and reject."""
    return _decide(request, review_id, Outcome.REJECTED)


@desk("POST")
def undo(request: DeskRequest, decision_id: UUID) -> HttpResponse:
    """Take a decision back while it has not left."""
    decision = Decision.objects.filter(pk=decision_id, review__in=reviews_of(request.actor)).first()
    if decision is None:
        raise NotFound
    try:
        review = decisions.undo(decision_id, by=request.actor)
    except ApprovalsError as error:
        return refused(request, error, review=reviews.find(request.actor, decision.review_id))
    messages.success(request, f"Undone: {display.visible(review.heading)} is open again.")
    return redirect("review", review.pk)


@desk("POST")
def reapply(request: DeskRequest, decision_id: UUID) -> HttpResponse:
    """Give the newer review of the same step the decision whose token had closed, in one step."""
    made = Decision.objects.select_related("review__superseded_by").filter(pk=decision_id).first()
    newer = made.review.superseded_by if made else None
    if made is None or newer is None:
        raise NotFound
    reviews.find(request.actor, made.review_id)
    same = DecisionRequest(reason=made.reason, reason_code=made.reason_code, edits=made.edits)
    try:
        decisions.decide(newer.pk, Outcome(made.outcome), by=request.actor, request=same)
    except ApprovalsError as error:
        return refused(request, error, review=reviews.find(request.actor, newer.pk))
    return redirect("review", newer.pk)


def _decide(request: DeskRequest, review_id: UUID, outcome: Outcome) -> HttpResponse:
    review = reviews.find(request.actor, review_id)
    policy.may(Action.DECIDE, review, by=request.actor).or_raise()
    if request.method != "POST":
        return _panel(request, review, outcome, "", _closed(review))
    form = DecisionForm(request.POST)
    problem = None
    try:
        if not form.is_valid():
            raise Invalid(_first(form))
        decisions.decide(review_id, outcome, by=request.actor, request=form.decision_request())
    except ApprovalsError as error:
        problem = error
    if problem is None:
        if request.htmx:
            return HttpResponseClientRedirect(resolve_url("review", review_id))
        return redirect("review", review_id)
    review = reviews.find(request.actor, review_id)
    return _panel(request, review, outcome, request.POST.get("reason", ""), problem)


def _panel(
    request: DeskRequest,
    review: ReviewTask,
    outcome: Outcome,
    typed: str,
    problem: ApprovalsError | None,
) -> HttpResponse:
    """The form again, with what was typed, above it what went wrong."""
    now = database_time.now()
    needed = review.queue.needs_reason(outcome)
    context: dict[str, Any] = {
        "now": now,
        "review": review,
        "order": payload_view.read(review),
        "deadline": wording.deadline(review, now),
        "standing": reviews.standing(review, request.actor, now),
        "outcome": outcome,
        "approving": outcome == Outcome.APPROVED,
        "consequence": wording.consequence(review, outcome),
        "reason_needed": needed,
        "form": blank(review, request.actor, reason=typed, needed=needed),
        "problem": wording.refusal(problem, request.actor) if problem else None,
    }
    template = "approvals/_decision_form.html" if request.htmx else "approvals/decision.html"
    return render(request, template, context, status=problem.status if problem else 200)


def _closed(review: ReviewTask) -> ApprovalsError | None:
    """Why there is nothing to decide, where the page is opened too late."""
    if review.status == ReviewTask.Status.PENDING:
        return None
    return AlreadyDecided(**review.outcome_details())


def _first(form: DecisionForm) -> str:
    name, texts = next(iter(form.errors.items()))
    return f"{name}: {texts[0]}"
