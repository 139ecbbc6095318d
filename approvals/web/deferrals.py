"""Skip, snooze and escalate: what to do with a review instead of deciding it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django_htmx.http import HttpResponseClientRedirect

from approvals import policy
from approvals.actions import escalation, postponement
from approvals.exceptions import AlreadyDecided, ApprovalsError, Invalid
from approvals.models import ReviewTask
from approvals.policy import Action
from approvals.records import database_time
from approvals.spans import span
from approvals.untrusted import display
from approvals.web import payload_view, reviews, streams
from approvals.web.deadlines import deadline
from approvals.web.decorators import DeskRequest, desk
from approvals.web.refusals import refusal_text
from approvals.web.relative_times import local

PRESETS = (15, 60, 2 * 60, 4 * 60, 8 * 60, 24 * 60)  # minutes


@dataclass(frozen=True)
class Preset:
    """A time until which a review can be snoozed."""

    minutes: int
    label: str
    until: datetime


@desk("POST")
def skip(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """Go on to the next review; this one is offered to this person again after all others."""
    review = reviews.find(request.access, review_id)
    postponement.skip(review_id, by=request.actor, reason=request.POST.get("reason", ""))
    messages.info(request, f"Skipped {_name(review)}.")
    return go_on(request, review)


@desk("GET", "POST")
def snooze(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """The times until which a review can be set aside; posted, snoozes it. `minutes=0` ends that."""
    review = reviews.find(request.access, review_id)
    policy.may(Action.CLAIM, review, by=request.actor).or_raise()
    if request.method != "POST":
        return _panel(request, review, "snooze", _closed(review))
    try:
        until = _until(request.POST.get("minutes", ""), database_time.now())
        postponement.snooze(review_id, until, by=request.actor)
    except ApprovalsError as error:
        return _panel(request, reviews.find(request.access, review_id), "snooze", error)
    if until is None:
        messages.info(request, f"{_name(review)} is no longer snoozed.")
        return _to(request, resolve_url("review", review.pk) + streams.onward(request))
    messages.info(
        request, f"Snoozed {_name(review)} until {local(until, request.access.zone, 'H:i')}."
    )
    return go_on(request, review)


@desk("GET", "POST")
def escalate(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """The form that asks why; posted, asks others to decide."""
    review = reviews.find(request.access, review_id)
    policy.may(Action.CLAIM, review, by=request.actor).or_raise()
    if request.method != "POST":
        return _panel(request, review, "escalate", _closed(review))
    reason = request.POST.get("reason", "").replace("\r\n", "\n")
    try:
        escalation.escalate(review_id, reason, by=request.actor)
    except ApprovalsError as error:
        return _panel(request, reviews.find(request.access, review_id), "escalate", error)
    messages.info(request, f"Escalated {_name(review)} to {_target(review)}.")
    return go_on(request, review)


def presets(review: ReviewTask, now: datetime) -> list[Preset]:
    """The times that are offered, all before the review's deadline."""
    last = postponement.latest(review)
    offered = [(minutes, now + timedelta(minutes=minutes)) for minutes in PRESETS]
    return [
        Preset(minutes, span(timedelta(minutes=minutes)), until)
        for minutes, until in offered
        if until <= last
    ]


def _until(minutes: str, now: datetime) -> datetime | None:
    """The time that was chosen; None ends a snooze. Raises Invalid for what is none of the presets."""
    if minutes == "0":
        return None
    if minutes not in {str(each) for each in PRESETS}:
        raise Invalid("Choose one of the times.", pointer="/until")
    return now + timedelta(minutes=int(minutes))


def _panel(
    request: DeskRequest, review: ReviewTask, action: str, error: ApprovalsError | None
) -> HttpResponse:
    """The form of `action`, with what was typed, and above it why it was refused."""
    now = database_time.now()
    context: dict[str, Any] = {
        "now": now,
        "review": review,
        "headline": reviews.headline(review),
        "order": payload_view.review_order(review),
        "deadline": deadline(review, now),
        "permissions": reviews.permissions(review, request.access, now),
        "action": action,
        "address": resolve_url(f"review_{action}", review.pk),
        "target": _target(review),
        "presets": presets(review, now),
        "snoozed": review.is_snoozed(now),
        "typed": request.POST.get("reason", ""),
        "refusal": refusal_text(error, request.access) if error else None,
    }
    template = "approvals/_deferral_form.html" if request.htmx else "approvals/deferral.html"
    return render(request, template, context, status=error.status if error else 200)


def _closed(review: ReviewTask) -> ApprovalsError | None:
    if review.status == ReviewTask.Status.PENDING:
        return None
    return AlreadyDecided(**review.outcome_details())


def _target(review: ReviewTask) -> str:
    target = escalation.destination(review)
    return f"the leads of {target}" if target.pk == review.queue_id else str(target)


def _name(review: ReviewTask) -> str:
    return display.visible(review.reference or review.heading)[:60]


def go_on(request: DeskRequest, review: ReviewTask) -> HttpResponse:
    """The next review of the stream, or the queue's list."""
    query = streams.query_of(request)
    queue = request.access.listing(review)
    if query is None:
        return _to(request, resolve_url("queue", queue.slug))
    return _to(request, streams.after(request, queue, query))


def _to(request: DeskRequest, address: str) -> HttpResponse:
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)
