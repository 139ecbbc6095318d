"""Approve, reject and undo: a page each, or for htmx a fragment in the page of the review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django_htmx.http import HttpResponseClientRedirect

from approvals import policy
from approvals.actions import assignment, decisions
from approvals.actions.decisions import DecisionRequest
from approvals.exceptions import (
    AlreadyDecided,
    ApprovalsError,
    ClaimedByAnother,
    DeadlinePassed,
    Invalid,
    NotFound,
    StaleVersion,
)
from approvals.models import Decision, ReviewTask
from approvals.models.choices import Outcome
from approvals.models.review_queues import ReviewQueue
from approvals.policy import Action
from approvals.records import database_time, supersession
from approvals.untrusted import display
from approvals.web import payload_view, reviews, streams, toasts
from approvals.web.deadlines import deadline
from approvals.web.decorators import DeskRequest, desk, refused
from approvals.web.edit_form import EditForm, takes_edits
from approvals.web.forms import DecisionForm, initial_form
from approvals.web.refusals import refusal_text

VERBS: Mapping[Outcome, str] = {Outcome.APPROVED: "approve", Outcome.REJECTED: "reject"}


@desk("GET", "POST")
def approve(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """The form that says what an approval does; posted, approves."""
    return _decide(request, review_id, Outcome.APPROVED)


@desk("GET", "POST")
def reject(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """The form that asks for a reason; posted, rejects."""
    return _decide(request, review_id, Outcome.REJECTED)


@desk("POST")
def undo(request: DeskRequest, decision_id: UUID) -> HttpResponse:
    """Take a decision back before it is sent."""
    decision = Decision.objects.filter(pk=decision_id, review__in=request.access.reviews()).first()
    if decision is None:
        raise NotFound
    try:
        review = decisions.undo(decision_id, by=request.actor)
    except ApprovalsError as error:
        return refused(request, error, review=reviews.find(request.access, decision.review_id))
    messages.success(
        request,
        f"Undone. {display.visible(review.reference or review.heading)[:60]} is open again.",
    )
    return redirect(resolve_url("review", review.pk) + streams.onward(request))


@desk("POST")
def reapply(request: DeskRequest, decision_id: UUID) -> HttpResponse:
    """Decide the newer review of the same step like the one whose token was closed before."""
    made = Decision.objects.select_related("review__superseded_by").filter(pk=decision_id).first()
    newer = supersession.newest_of(made.review) if made and made.review.superseded_by_id else None
    if made is None or newer is None:
        raise NotFound
    reviews.find(request.access, made.review_id)
    same = DecisionRequest(reason=made.reason, reason_code=made.reason_code, edits=made.edits)
    try:
        decisions.decide(newer.pk, Outcome(made.outcome), by=request.actor, request=same)
    except ApprovalsError as error:
        return refused(request, error, review=reviews.find(request.access, newer.pk))
    return redirect("review", newer.pk)


def _decide(request: DeskRequest, review_id: UUID, outcome: Outcome) -> HttpResponse:
    review = reviews.find(request.access, review_id)
    policy.may(Action.DECIDE, review, by=request.actor).or_raise()
    if request.method != "POST":
        return _panel(request, review, outcome, "", _closed(review, request.access.now))
    form = DecisionForm(request.POST)
    edit = _edit_form(review, outcome, request.POST)
    refused_by: ApprovalsError | None = None
    try:
        if not form.is_valid():
            raise Invalid(_first_error(form))
        wanted = replace(
            form.decision_request(),
            edits=edit.checked() if edit else {},
            undo_seconds=request.access.preferences.undo_seconds,
        )
        if form.cleaned_data["claim_again"]:
            held = assignment.claim(review_id, by=request.actor, version=wanted.version)
            wanted = replace(wanted, version=held.version, lease_id=held.lease_id)
        review = decisions.decide(review_id, outcome, by=request.actor, request=wanted)
    except ApprovalsError as error:
        refused_by = error
    if refused_by is None:
        return _after(request, review)
    review = reviews.find(request.access, review_id)
    return _panel(request, review, outcome, request.POST.get("reason", ""), refused_by, edit)


def _edit_form(
    review: ReviewTask, outcome: Outcome, data: Mapping[str, Any] | None
) -> EditForm | None:
    """The form of the values that an approval may change; None where it may change none."""
    if outcome != Outcome.APPROVED or not takes_edits(review):
        return None
    return EditForm(review, data)


def _after(request: DeskRequest, review: ReviewTask) -> HttpResponse:
    """The page after a decision: the next review of the stream, or without one the decision's delivery."""
    query = streams.query_of(request)
    address = resolve_url("review", review.pk)
    if query is not None and request.access.preferences.auto_advance:
        toasts.decided(request, review)
        address = streams.after(request, request.access.listing(review), query)
    else:
        address += streams.onward(request)
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


def _panel(
    request: DeskRequest,
    review: ReviewTask,
    outcome: Outcome,
    typed: str,
    error: ApprovalsError | None,
    edit: EditForm | None = None,
) -> HttpResponse:
    """The form with what was typed, and above it why it was refused."""
    now = database_time.now()
    permissions = reviews.permissions(review, request.access, now)
    if error is None or isinstance(error, StaleVersion):  # who holds it is what has changed
        error = _held_by_another(permissions) or error
    needed = review.queue.needs_reason(outcome)
    codes = review.queue.codes_for(outcome)
    edit = edit or _edit_form(review, outcome, None)
    if edit and error:
        edit.note(error)
    context: dict[str, Any] = {
        "now": now,
        "review": review,
        "headline": reviews.headline(review),
        "order": payload_view.review_order(review),
        "deadline": deadline(review, now),
        "permissions": permissions,
        "can_submit": _can_submit(review, permissions, now, retry=request.method == "POST"),
        "claim_ran_out": permissions.holder is None and _is_conflict(error),
        "outcome": outcome,
        "address": resolve_url(f"review_{VERBS[outcome]}", review.pk),
        "approving": outcome == Outcome.APPROVED,
        "consequence": consequence(review.queue, outcome),
        "reason_needed": needed,
        "codes": codes,
        "chosen": request.POST.get("reason_code", ""),
        "form": initial_form(
            review, request.actor, now, reason=typed, reason_needed=needed, has_codes=bool(codes)
        ),
        "edit_rows": edit.rows() if edit else [],  # a property may be named as an attribute is
        "edit_errors": bool(edit and edit.errors),
        "refusal": refusal_text(error, request.access) if error else None,
    }
    template = "approvals/_decision_form.html" if request.htmx else "approvals/decision.html"
    return render(request, template, context, status=error.status if error else 200)


def _held_by_another(permissions: reviews.Permissions) -> ApprovalsError | None:
    """What to say before anything is typed, if somebody else is at work on the review."""
    if permissions.holder is None or permissions.mine or permissions.may_override:
        return None
    return ClaimedByAnother(assignee=permissions.holder.email)


def _can_submit(
    review: ReviewTask, permissions: reviews.Permissions, now: datetime, *, retry: bool
) -> bool:
    """Whether the form has its button: not after the deadline, and not before another's claim was met."""
    if review.status != ReviewTask.Status.PENDING or review.is_past_deadline(now):
        return False
    return permissions.may_decide or retry


def _is_conflict(error: ApprovalsError | None) -> bool:
    return error is not None and error.code == ClaimedByAnother.code


def consequence(queue: ReviewQueue, outcome: Outcome) -> str:
    """What this outcome does to the workflow, by the queue's settings."""
    if outcome == Outcome.APPROVED:
        return "The step succeeds and the workflow goes on, with your name on the approval."
    if queue.reject_as == ReviewQueue.RejectAs.RESULT:
        return "The step succeeds with the result “rejected”, and the workflow takes that branch."
    return (
        f"The step fails with the error {queue.error_name}, your reason as its cause, and the"
        " workflow takes its path for that error."
    )


def _closed(review: ReviewTask, now: datetime) -> ApprovalsError | None:
    """The error to show when the form of a review is opened that can no longer be decided."""
    if review.status != ReviewTask.Status.PENDING:
        return AlreadyDecided(**review.outcome_details())
    if review.is_past_deadline(now):
        return DeadlinePassed(deadline_at=review.deadline_at.isoformat())
    return None


def _first_error(form: DecisionForm) -> str:
    name, texts = next(iter(form.errors.items()))
    return f"{name}: {texts[0]}"
