"""Rows of lists of reviews: what one shows, what is loaded for it, and the orders of lists."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING
from uuid import UUID

from django.urls import reverse

from approvals import broken_rows
from approvals.broken_rows import BrokenRow
from approvals.models import ReviewTask
from approvals.models.review_tasks import ReviewQuerySet
from approvals.records import order_summary
from approvals.untrusted import display
from approvals.web.deadlines import deadline

if TYPE_CHECKING:
    from approvals.models import User

BY_DEADLINE = ("deadline_at", "id")
BY_URGENCY = ("-priority", "deadline_at", "id")
BY_ARRIVAL = ("-received_at", "-id")
BY_AMOUNT = ("-known_amount", "-id")
# Reviews of one reference, customer or order, of which a page shows the latest.
MOST_LOOKED_AT = 2_000
ANY = UUID(int=0)


@lru_cache(maxsize=8)
def around_id(_script_prefix: str) -> tuple[str, str]:
    """The URL of a review's page before its id and after it: the rows of a list differ in nothing else."""
    before, after = reverse("review", args=[ANY]).split(str(ANY))
    return before, after


def lean(rows: ReviewQuerySet) -> ReviewQuerySet:
    """The reviews with only what a row shows: payloads, of up to a megabyte, are not loaded."""
    return (
        rows.by_amount()
        .defer(*ReviewTask.OF_THE_MESSAGE, "order_summary")
        .select_related("assignee")
        .annotate(summary=order_summary.column())
    )


def rows_of(reviews: Iterable[ReviewTask], now: datetime) -> list[ReviewRow | BrokenRow]:
    """The rows of these reviews, which `lean` has loaded."""
    return broken_rows.all_shown(reviews, lambda review: ReviewRow(review, now))


class ReviewRow:
    """One row of a list of reviews."""

    def __init__(self, review: ReviewTask, now: datetime) -> None:
        self.review = review
        self.deadline = deadline(review, now)
        self.holder: User | None = review.assignee if review.is_held(now) else None
        self.snoozed = review.status == ReviewTask.Status.PENDING and review.is_snoozed(now)
        self.name: str = review.reference or review.heading
        self.subject: str = review.error_name or review.title
        self.handed_by: str = getattr(review, "handed_by", "")
        self._summary: dict[str, str | None] = getattr(review, "summary", None) or {}

    @cached_property
    def amount(self) -> str:
        """The amount as a page shows it."""
        return display.money(self.plain_amount, self.currency)

    @property
    def plain_amount(self) -> Decimal | str | None:
        """The amount by the queue's settings, else the order's total, unless that is an object."""
        if self.review.amount is not None:
            return self.review.amount
        total = self._summary.get("total")
        return None if total is None or total.startswith(("{", "[")) else total

    @property
    def currency(self) -> str:
        """The order's currency, if it names one."""
        return self._summary.get("currency") or ""

    @property
    def customer(self) -> str:
        """The customer by the queue's settings, else the customer's name in the order."""
        return self.review.customer or self._summary.get("customer") or ""

    @property
    def decided_by(self) -> User | None:
        """Who decided it, if the list was read with its decisions."""
        is_read = "decision" in self.review._state.fields_cache
        return self.review.decision.by if is_read and self.review.decision else None
