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
from approvals.actions.decisions import Ruling
from approvals.exceptions import AlreadyDecided, ApprovalsError, Invalid, NotFound
from approvals.models import Decision, ReviewTask
from approvals.models.choices import Outcome
from approvals.records import database_time
from approvals.untrusted import display
from approvals.web import payload_view, reviews, wording
from approvals.web.decorators import SIGNED_IN, SURFACE, DeskRequest, desk, refused, reviews_of
from approvals.web.forms import RulingForm, blank

VERBS = {Outcome.APPROVED: decisions.approve, Outcome.REJECTED: decisions.reject}


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
    decision = Decision.objects.filter(pk=decision_id, review__in=reviews_of(request.user)).first()
    if decision is None:
        raise NotFound
    try:
        review = decisions.undo(decision_id, by=request.user, surface=SURFACE)
    except ApprovalsError as error:
        return refused(request, error, review=reviews.find(request.user, decision.review_id))
    messages.success(request, f"Undone: {display.visible(review.heading)} is open again.")
    return redirect("review", review.pk)


@desk("POST")
def reapply(request: DeskRequest, decision_id: UUID) -> HttpResponse:
    """Give the newer review of the same step the decision whose token had closed, in one step."""
    made = Decision.objects.select_related("review__superseded_by").filter(pk=decision_id).first()
    newer = made.review.superseded_by if made else None
    if made is None or newer is None:
        raise NotFound
    reviews.find(request.user, made.review_id)
    ruling = Ruling(
        reason=made.reason, reason_code=made.reason_code, edits=made.edits, signed_in=SIGNED_IN
    )
    verb = VERBS[Outcome(made.outcome)]
    try:
        verb(newer.pk, by=request.user, surface=SURFACE, ruling=ruling)
    except ApprovalsError as error:
        return refused(request, error, review=reviews.find(request.user, newer.pk))
    return redirect("review", newer.pk)


def _decide(request: DeskRequest, review_id: UUID, outcome: Outcome) -> HttpResponse:
    review = reviews.find(request.user, review_id)
    policy.may(policy.DECIDE, review, request.user, SURFACE).or_raise()
    if request.method != "POST":
        return _panel(request, review, outcome, "", _closed(review))
    form = RulingForm(request.POST)
    problem = None
    try:
        if not form.is_valid():
            raise Invalid(_first(form))
        VERBS[outcome](review_id, by=request.user, surface=SURFACE, ruling=form.ruling(SIGNED_IN))
    except ApprovalsError as error:
        problem = error
    if problem is None:
        if request.htmx:
            return HttpResponseClientRedirect(resolve_url("review", review_id))
        return redirect("review", review_id)
    review = reviews.find(request.user, review_id)
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
        "standing": reviews.standing(review, request.user, now),
        "outcome": outcome,
        "approving": outcome == Outcome.APPROVED,
        "consequence": wording.consequence(review, outcome),
        "reason_needed": needed,
        "form": blank(review, request.user, reason=typed, needed=needed),
        "problem": wording.refusal(problem, request.user) if problem else None,
    }
    template = "approvals/_decide.html" if request.htmx else "approvals/decide.html"
    return render(request, template, context, status=problem.status if problem else 200)


def _closed(review: ReviewTask) -> ApprovalsError | None:
    """Why there is nothing to decide, where the page is opened too late."""
    if review.status == ReviewTask.Status.PENDING:
        return None
    return AlreadyDecided(**review.outcome_details())


def _first(form: RulingForm) -> str:
    name, texts = next(iter(form.errors.items()))
    return f"{name}: {texts[0]}"
