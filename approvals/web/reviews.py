"""A review's page, and the fragment that shows the delivery of its decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, JSONObject, Now
from django.http import HttpResponse
from django.shortcuts import redirect, render

from approvals import policy, visibility
from approvals.broken_rows import BrokenRow
from approvals.exceptions import NotFound
from approvals.models import (
    Comment,
    Decision,
    ExecutionSnapshot,
    OrderExecution,
    ReviewTask,
    User,
)
from approvals.policy import Action
from approvals.records import outbox, places, supersession
from approvals.records.places import Mismatch
from approvals.records.prepared_queries import Prepared
from approvals.spans import span
from approvals.untrusted import display
from approvals.web import payload_view, review_rows
from approvals.web.access import Access
from approvals.web.deadlines import deadline
from approvals.web.decorators import DeskRequest, desk
from approvals.web.delivery_status import DeliveryStatus, delivery_status
from approvals.web.streams import is_split, query_of, split_url
from approvals.web.timeline import review_timeline

MISMATCHES: Mapping[Mismatch | None, str] = {
    Mismatch.NOT_AN_EXECUTION: "is not the ARN of an execution",
    Mismatch.REGION: "lies in another region than the queue",
    Mismatch.ACCOUNT: "lies in another account than the queue",
    Mismatch.STATE_MACHINE: "runs a state machine that is not in the queue's list",
}
MAX_COMMENTS, MAX_CANDIDATES, MAX_RELATED = 50, 200, 5
RECENTLY = timedelta(days=30)
PANE = "pane"  # the id of the right half of a list


def seen_state(review: ReviewTask, holder: User | None) -> str:
    """What a review's page shows of its state, as a short text that `live_updates` gets back."""
    return f"{review.status}.{holder.pk.hex if holder else ''}"


@dataclass(frozen=True)
class Permissions:
    """What this person may do with a review now; `why_not` says why they may not decide, if so."""

    holder: User | None
    mine: bool
    may_claim: bool
    may_decide: bool
    may_override: bool
    may_comment: bool
    may_close: bool
    reassignment_candidates: list[User]
    why_not: str
    lease_left: str


@desk("GET")
def show(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """Everything about one review, and what can be done with it; for htmx only the latter.

    In the right half of a list, htmx gets all without the frame of a page, and a browser is sent to the list.
    """
    in_stream = query_of(request) is not None
    review = find(request.access, review_id, with_previous=in_stream)
    in_pane = request.htmx.target == PANE
    if is_split(request) and not request.htmx:
        return redirect(
            split_url(request.access.listing(review), query_of(request) or "", review.pk)
        )
    context = page(request.access, review)
    context["previous"] = cast("Any", review).previous if in_stream else None
    if in_pane:
        context |= {"page_frame": "approvals/_pane.html", "pane": True}
    whole = in_pane or not request.htmx
    template = "approvals/review.html" if whole else "approvals/_review_decide.html"
    return render(request, template, context)


@desk("GET")
def delivery(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """What became of the decision: 204 to htmx if its page shows that already, else the fragment."""
    review = find_briefly(request.access, review_id)
    now = request.access.now
    status = status_of_decision(review, request.access, now)
    if request.htmx and status and status.seen == request.GET.get("seen"):
        return HttpResponse(status=204)
    if request.htmx and status is None:  # undone elsewhere: the whole page has changed
        response = HttpResponse(status=204)
        response["HX-Refresh"] = "true"
        return response
    context = page(request.access, find(request.access, review_id))
    template = "approvals/_delivery_refresh.html" if request.htmx else "approvals/review.html"
    return render(request, template, context)


def find(access: Access, review_id: UUID, *, with_previous: bool = False) -> ReviewTask:
    """A review this person may see. Raises NotFound, whether it is hidden or not there.

    With `previous`, the id of the review that they decided last, or last before this one.
    """
    queues = access.queue_ids
    if with_previous:
        found = found_in_stream(review=review_id, queues=queues, person=access.actor.person.pk)
    else:
        found = found_alone(review=review_id, queues=queues)
    return _only(access, found)


def find_briefly(access: Access, review_id: UUID) -> ReviewTask:
    """The same without its message, for what pages ask again and again. Raises NotFound."""
    return _only(access, found_without_message(review=review_id, queues=access.queue_ids))


def _only(access: Access, found: list[ReviewTask]) -> ReviewTask:
    if not found:
        raise NotFound
    access.give_queues(found[0])
    return found[0]


@Prepared
def found_without_message(review: UUID, queues: Sequence[UUID]) -> QuerySet[ReviewTask]:
    """The review as `found_alone` finds it, without its message of up to a megabyte."""
    rows = found_alone.query_set(review, queues)
    return rows.defer(*ReviewTask.OF_THE_MESSAGE)


@Prepared
def found_alone(review: UUID, queues: Sequence[UUID]) -> QuerySet[ReviewTask]:
    """A review that is seen by these queues, with what its page shows."""
    rows = visibility.reviews_in(queues).without_secrets().filter(pk=review)
    snapshot = ExecutionSnapshot.objects.filter(execution_arn=OuterRef("execution_arn"))
    version = snapshot.values("state_machine_version_arn")[:1]
    # With what says who decides it, which may have changed.
    newer = ReviewTask.objects.filter(pk=supersession.newer_open()).values(
        columns=JSONObject(pk="pk", queue_id="queue_id", escalated_to_id="escalated_to_id")
    )[:1]
    started = OrderExecution.objects.exclude(execution_arn="")
    order = started.filter(execution_arn=OuterRef("execution_arn")).values("order_id")[:1]
    return rows.select_related("assignee", "decision__by").annotate(
        version_arn=Subquery(version), newer_open=Subquery(newer), order_id=Subquery(order)
    )


@Prepared
def found_in_stream(review: UUID, queues: Sequence[UUID], person: UUID) -> QuerySet[ReviewTask]:
    """The same, with the id of the review that this person decided before it."""
    rows = found_alone.query_set(review, queues)
    return rows.annotate(previous=_decided_before(person))


def headline(review: ReviewTask) -> str:
    """The heading of a review without its error's name, which stands below as what it is held for."""
    return review.heading.removesuffix(f": {review.error_name}") or review.heading


def _decided_before(person: UUID) -> Subquery:
    """The id of the review that this person decided last before the decision of another one, if it has one."""
    mine = Decision.objects.filter(by=person, undone_at=None).exclude(review=OuterRef("pk"))
    before = mine.filter(decided_at__lt=Coalesce(OuterRef("decision__decided_at"), Now()))
    return Subquery(before.order_by("-decided_at").values("review_id")[:1])


def page(access: Access, review: ReviewTask) -> dict[str, Any]:
    """The context of a review's page, at the database's present time."""
    now = access.now
    raw, raw_cut = display.indented_json(review.payload)
    same_reference, same_customer = related(access, review, now)
    permitted = permissions(review, access, now)
    timeline, trail = review_timeline(review, access.zone)
    order, flagged = payload_view.review_order(review), payload_view.flagged_fields(review)
    return {
        "now": now,
        "review": review,
        "listing": access.listing(review),
        "headline": headline(review),
        "deadline": deadline(review, now),
        "permissions": permitted,
        "snoozed": review.is_snoozed(now),
        "seen_state": seen_state(review, permitted.holder),
        "order": order,
        "flagged": flagged,
        "folds": any(field.sensitive for field in order.promoted)
        or any(field.sensitive for field in flagged),
        "raw": raw,
        "raw_cut": raw_cut,
        "delivery": status_of_decision(review, access, now),
        "timeline": timeline,
        "trail": trail,
        "comments": comments(review),
        "same_reference": same_reference,
        "same_customer": same_customer,
        "version_arn": cast("Any", review).version_arn or "",
        "order_id": cast("Any", review).order_id or "",
        "mismatch": MISMATCHES.get(places.mismatch(review.queue, review.execution_arn)),
    }


def permissions(review: ReviewTask, access: Access, now: datetime) -> Permissions:
    """What `policy` and the state of the review allow this person; the verbs check both again."""
    holder = review.assignee if review.is_held(now) else None
    mine = holder is not None and holder.pk == access.actor.person.pk
    deciding = access.may(Action.DECIDE, review)
    overriding = access.may(Action.OVERRIDE, review).allowed
    pending = review.status == ReviewTask.Status.PENDING
    in_time = pending and not review.is_past_deadline(now)
    free = holder is None or mine
    candidates = reassignment_candidates(review, holder) if in_time and (mine or overriding) else []
    return Permissions(
        holder=holder,
        mine=mine,
        may_claim=pending and free and not mine and in_time and deciding.allowed,
        may_decide=in_time and deciding.allowed and (free or overriding),
        may_override=pending and overriding and not free,
        may_close=review.status == ReviewTask.Status.UNPROVED
        and access.may(Action.CLOSE_UNPROVED, review).allowed,
        may_comment=access.may(Action.COMMENT, review).allowed,
        reassignment_candidates=candidates,
        why_not="" if deciding.allowed else _why_not(review, deciding.why),
        lease_left=lease_left(review, now),
    )


def _why_not(review: ReviewTask, why: str) -> str:
    """Why this person may not decide; of an escalated review, who does."""
    if review.escalated_to is None:
        return why
    whose = f"the leads of {review.queue}" if review.is_for_leads else str(review.escalated_to)
    return f"It was escalated to {whose}, who decide it."


def lease_left(review: ReviewTask, now: datetime) -> str:
    """How long the claim on a review still runs; empty if nobody has one."""
    return span(review.lease_expires_at - now) if review.lease_expires_at else ""


def reassignment_candidates(review: ReviewTask, holder: User | None) -> list[User]:
    """The users who may decide in the review's queue, except its holder."""
    others = policy.deciders_of(review).order_by("name", "email")
    return list(others.exclude(pk=holder.pk) if holder else others)[:MAX_CANDIDATES]


def status_of_decision(review: ReviewTask, access: Access, now: datetime) -> DeliveryStatus | None:
    """What became of the review's decision; None if it has none, or it was undone."""
    decision: Decision | None = review.decision
    if decision is None:
        return None
    decision.review = review  # saves loading it again
    entry = outbox.callback_entries([decision.pk]).get(decision.pk)
    columns: dict[str, str | None] | None = cast("Any", review).newer_open
    keys = {name: UUID(key) if key else None for name, key in (columns or {}).items()}
    newer = ReviewTask(**keys) if columns else None
    return delivery_status(decision, entry, access, now, newer=newer)


def comments(review: ReviewTask) -> list[Comment]:
    """The latest comments on a review, oldest first."""
    return latest_comments(review=review.pk)[::-1]


@Prepared
def latest_comments(review: UUID) -> QuerySet[Comment]:
    """The latest comments on a review, newest first."""
    rows = Comment.objects.filter(review=review).select_related("by")
    return rows.order_by("-at", "-id")[:MAX_COMMENTS]


def related(
    access: Access, review: ReviewTask, now: datetime
) -> tuple[list[review_rows.ReviewRow | BrokenRow], list[review_rows.ReviewRow | BrokenRow]]:
    """Other reviews of the same reference, and the customer's of the last 30 days, as far as one may see them."""
    if not review.reference and not review.customer:
        return [], []
    asked: dict[str, Any] = {"review": review.pk, "queues": access.queue_ids}
    if review.reference:
        asked |= {"reference": review.reference}
    if review.customer:
        asked |= {"customer": review.customer, "since": now - RECENTLY}
    shown = related_to(**asked)
    same = [row for row in shown if row.reference == review.reference]
    rest = [row for row in shown if row.reference != review.reference]
    return review_rows.rows_of(same, now), review_rows.rows_of(rest, now)


@Prepared
def related_to(
    review: UUID,
    queues: Sequence[UUID],
    reference: str = "",
    customer: str = "",
    since: datetime | None = None,
) -> QuerySet[ReviewTask]:
    """Other reviews of this reference, and of this customer since then, that are seen by these queues.

    Of each, `MOST_LOOKED_AT` in all queues: who may send to one may send any number with a name of another's.
    """
    others = visibility.reviews_in(queues).without_secrets().exclude(pk=review)
    others = others.order_by(*review_rows.BY_ARRIVAL)
    same_order = same_customer = others.none()
    if reference:
        some = ReviewTask.objects.filter(reference=reference).values("pk")[
            : review_rows.MOST_LOOKED_AT
        ]
        same_order = others.filter(pk__in=some)
    if customer:
        lately = ReviewTask.objects.filter(customer=customer, received_at__gte=since)
        some = lately.order_by(*review_rows.BY_ARRIVAL).values("pk")[: review_rows.MOST_LOOKED_AT]
        same_customer = others.filter(pk__in=some).exclude(reference=reference)
    # Joined by a union: of a condition with OR, PostgreSQL would test each review there is.
    found = same_order.values("pk")[:MAX_RELATED].union(same_customer.values("pk")[:MAX_RELATED])
    rows = review_rows.lean(others.filter(pk__in=found)).select_related("decision__by")
    return rows.defer(*(f"decision__{name}" for name in Decision.LONG))
