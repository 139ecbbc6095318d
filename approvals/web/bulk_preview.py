"""The preview of a bulk decision: which of the chosen reviews it would decide, and why not the others."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

from django.http import HttpResponse
from django.shortcuts import redirect, render

from approvals import bulk
from approvals.actions import bulk_decisions, decisions
from approvals.actions.bulk_decisions import BulkRequest, Wanted
from approvals.actions.decisions import MAX_REASON, DecisionRequest
from approvals.exceptions import ApprovalsError, Invalid
from approvals.models import Decision, ReviewQueue, ReviewTask
from approvals.models.bulk_jobs import MAX_ITEMS
from approvals.models.choices import Outcome
from approvals.records import idempotency, locked_rows
from approvals.untrusted import display, numbers
from approvals.web import review_filters, review_rows
from approvals.web.decisions import consequence
from approvals.web.decorators import DeskRequest, desk
from approvals.web.refusals import RefusalText, refusal_text
from approvals.web.review_rows import ReviewRow

TYPED_FROM = 10  # reviews from which on their number is typed to confirm
LARGEST_AMOUNT = 24  # digits before the point
LONGEST_VERSION = 9  # digits of a version, which the database counts up to 2,147,483,647
NOT_CONFIRMED = ("stale_version", "It could not be decided when the preview was shown.")


@dataclass(frozen=True)
class Candidate:
    """A chosen review, and why it would be refused; `error` None means it would be decided."""

    row: ReviewRow
    error: ApprovalsError | None
    why: RefusalText | None

    @property
    def review(self) -> ReviewTask:
        """The review."""
        return self.row.review


class Preview:
    """The chosen reviews in their order, judged as `decide` would judge them now."""

    def __init__(self, candidates: Sequence[Candidate], *, more: bool = False) -> None:
        self.candidates = candidates
        self.more = more  # the filter finds more than MAX_ITEMS
        self.eligible = [one for one in candidates if one.error is None]
        self.excluded = [one for one in candidates if one.error is not None]

    @cached_property
    def reasons(self) -> list[tuple[str, int]]:
        """Why reviews are left out, and how many for each reason, the most frequent first."""
        return Counter(one.why.title for one in self.excluded if one.why).most_common()

    @cached_property
    def sums(self) -> list[str]:
        """The sums of the amounts of what would be decided, one a currency."""
        sums: dict[str, Decimal] = {}
        for one in self.eligible:
            amount = _amount(one.row)
            if amount is not None:
                sums[one.row.currency] = sums.get(one.row.currency, Decimal(0)) + amount
        return [display.money(total, currency) for currency, total in sorted(sums.items())]

    @property
    def without_amount(self) -> int:
        """How many of what would be decided have no amount that can be added."""
        return sum(_amount(one.row) is None for one in self.eligible)

    @property
    def count_is_typed(self) -> bool:
        """Whether the number of reviews is typed to confirm."""
        return len(self.eligible) >= TYPED_FROM

    @property
    def rows(self) -> str:
        """What would be decided, each at the version that is shown: the value of a hidden field."""
        return " ".join(f"{one.review.pk}.{one.review.version}" for one in self.eligible)

    @property
    def left_out(self) -> str:
        """What would be left out: the value of a hidden field."""
        return " ".join(str(one.review.pk) for one in self.excluded)

    def wanted(self, confirmed: dict[UUID, int | None]) -> list[Wanted]:
        """The reviews for the verb: those that were confirmed at their versions, all others left out."""
        return [_wanted(one, confirmed) for one in self.candidates]


@desk("GET", "POST")
def show(request: DeskRequest, slug: str) -> HttpResponse:
    """What a bulk decision of the chosen reviews would do; posted, begins it."""
    queue = request.access.queue(slug)
    request.access.may_decide_in_bulk(queue).or_raise()
    outcome = _outcome(request)
    if request.method != "POST":
        return _page(request, queue, outcome, _chosen(request, queue))
    confirmed = _confirmed(request.POST.get("rows", ""))
    ids = [*confirmed, *_confirmed(request.POST.get("left_out", ""))]
    preview = _judged(request, _named(request, queue, ids))
    try:
        job = _begun(request, outcome, preview.wanted(confirmed), len(confirmed))
    except ApprovalsError as error:
        return _page(request, queue, outcome, preview, error)
    return redirect("bulk", job)


def _begun(
    request: DeskRequest, outcome: Outcome, wanted: Sequence[Wanted], confirmed: int
) -> UUID:
    """Begin it, once for each preview that was shown; returns its id. Raises what `begin` does, and Invalid."""
    posted = request.POST
    if confirmed >= TYPED_FROM and posted.get("count", "").strip() != str(confirmed):
        raise Invalid(f"Type {confirmed}, the number of reviews, to confirm.", pointer="/count")
    if not confirmed:
        raise Invalid("None of these reviews can be decided.", pointer="/rows")
    wish = BulkRequest(
        outcome=outcome,
        reason=posted.get("reason", "").replace("\r\n", "\n"),
        reason_code=posted.get("reason_code", ""),
        undo_seconds=request.access.preferences.undo_seconds,
    )
    try:
        return bulk_decisions.begin(wanted, wish, by=request.actor, key=_key(request)).pk
    except idempotency.AlreadyAnswered as first:
        if first.result is None:
            raise Invalid from None
        return first.result


def _key(request: DeskRequest) -> idempotency.Key | None:
    """The key of the preview's form: submitted twice, it begins one bulk decision."""
    try:
        key = UUID(request.POST.get("key", ""))
    except ValueError:
        return None
    body = " ".join(request.POST.get(name, "") for name in ("rows", "left_out"))
    return idempotency.Key(
        principal=f"user:{request.user.pk}",
        key=f"bulk:{key}",
        request="POST bulk preview",
        body_sha256=hashlib.sha256(body.encode()).digest(),
        status=302,
    )


def _page(
    request: DeskRequest,
    queue: ReviewQueue,
    outcome: Outcome,
    preview: Preview,
    error: ApprovalsError | None = None,
) -> HttpResponse:
    codes = queue.codes_for(outcome)
    context: dict[str, Any] = {
        "now": request.access.now,
        "queue": queue,
        "outcome": outcome,
        "approving": outcome == Outcome.APPROVED,
        "preview": preview,
        "most": MAX_ITEMS,
        "consequence": consequence(queue, outcome),
        "codes": codes,
        "chosen": request.POST.get("reason_code", ""),
        "reason": request.POST.get("reason", ""),
        "reason_needed": queue.needs_reason(outcome),
        "longest_reason": MAX_REASON,
        "key": uuid4(),
        "refusal": refusal_text(error, request.access) if error else None,
        "counted": request.POST.get("count", ""),
    }
    status = error.status if error else 200
    return render(request, "approvals/bulk_preview.html", context, status=status)


def _outcome(request: DeskRequest) -> Outcome:
    try:
        return Outcome(request.POST.get("outcome") or request.GET.get("outcome", ""))
    except ValueError:
        raise Invalid("Choose whether to approve or to reject.", parameter="outcome") from None


def _chosen(request: DeskRequest, queue: ReviewQueue) -> Preview:
    """What the query string chooses: reviews by their ids, or the first MAX_ITEMS that its filters find."""
    if not request.GET.get("all"):
        ids = list(_confirmed(" ".join(request.GET.getlist("review"))))
        return _judged(request, _named(request, queue, ids))
    everything = request.access.reviews().filter(queue=queue)
    filtered = review_filters.apply_filters(everything, request.GET, request)
    rows = _whole(filtered.listed).order_by(*filtered.order)
    found = _in_queue(queue, filtered.narrow_in(queue)(rows, MAX_ITEMS + 1)[: MAX_ITEMS + 1])
    return _judged(request, found[:MAX_ITEMS], more=len(found) > MAX_ITEMS)


def _named(request: DeskRequest, queue: ReviewQueue, ids: Sequence[UUID]) -> list[ReviewTask]:
    """These reviews, as far as the person sees them in this queue, those that are due first in front."""
    if not ids:
        return []
    rows = request.access.reviews().filter(queue=queue, pk__in=ids[:MAX_ITEMS])
    return _in_queue(queue, _whole(rows).order_by(*review_rows.BY_DEADLINE))


def _whole(rows: Any) -> Any:
    """The reviews with what rows show and what the checks of a decision look at, but their queue."""
    lean = review_rows.lean(rows).select_related("escalated_to", "decision__by")
    return lean.defer(*(f"decision__{name}" for name in Decision.LONG))


def _in_queue(queue: ReviewQueue, rows: Iterable[ReviewTask]) -> list[ReviewTask]:
    """These reviews of one queue, whose settings are not read again with each of a thousand."""
    found = list(rows)
    for row in found:
        row.queue = queue
    return found


def _judged(request: DeskRequest, rows: Sequence[ReviewTask], *, more: bool = False) -> Preview:
    facts = locked_rows.facts_of(rows, by=request.actor) if rows else []
    return Preview(list(_candidates(request, facts)), more=more)


def _candidates(
    request: DeskRequest, facts: Iterable[locked_rows.LockedReview]
) -> Iterable[Candidate]:
    for one in facts:
        error = decisions.refusal(one, DecisionRequest())
        why = refusal_text(error, request.access) if error else None
        yield Candidate(ReviewRow(one.row, one.now), error, why)


def _wanted(one: Candidate, confirmed: dict[UUID, int | None]) -> Wanted:
    pk = one.review.pk
    if pk in confirmed:
        return Wanted(pk, confirmed[pk])
    if one.error is None:
        return Wanted(pk, None, *NOT_CONFIRMED)
    return Wanted(pk, None, one.error.code, bulk.explanation(one.error))


def _confirmed(text: str) -> dict[UUID, int | None]:
    """The ids in a text, each with its version if there is one. Raises Invalid."""
    found: dict[UUID, int | None] = {}
    for part in text.split():
        name, _, version = part.partition(".")
        try:
            found[UUID(name)] = _version(version) if version else None
        except ValueError:
            raise Invalid("This is no review.", parameter="review") from None
    return found


def _version(text: str) -> int:
    """A version as the form holds it. Raises ValueError for what no review can have."""
    if len(text) > LONGEST_VERSION or not (text.isascii() and text.isdecimal()):
        raise ValueError(text[:LONGEST_VERSION])
    return int(text)


def _amount(row: ReviewRow) -> Decimal | None:
    return numbers.decimal(row.plain_amount, magnitude=LARGEST_AMOUNT)
