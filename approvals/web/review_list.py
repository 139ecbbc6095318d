"""Lists of reviews: their filters, their order, and what one row shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import django_filters
from django import forms
from django.db.models.fields.json import KT

from approvals.models import ReviewTask
from approvals.models.review_tasks import ReviewQuerySet
from approvals.untrusted import display
from approvals.web.deadlines import deadline

if TYPE_CHECKING:
    from approvals.models import User

BY_DEADLINE = ("deadline_at", "id")
BY_ARRIVAL = ("-received_at", "-id")
PENDING = ReviewTask.Status.PENDING
ANY = "any"

_STATUSES = [*ReviewTask.Status.choices, (ANY, "Any status")]
_HOLDERS = [("me", "Held by me"), ("nobody", "Held by nobody")]


class ReviewFilter(django_filters.FilterSet):  # type: ignore[misc]
    """The filters in the URL of a list; only pending reviews unless it names another status."""

    status = django_filters.ChoiceFilter(
        choices=_STATUSES, method="by_status", empty_label=None, label="Status"
    )
    assignee = django_filters.ChoiceFilter(
        choices=_HOLDERS, method="by_holder", empty_label="Anybody", label="Held by"
    )
    reference = django_filters.CharFilter(lookup_expr="exact", label="Reference", max_length=256)
    q = django_filters.CharFilter(method="by_text", label="Contains", max_length=100)

    class Meta:
        model = ReviewTask
        fields: tuple[str, ...] = ()

    def by_status(self, rows: ReviewQuerySet, _name: str, value: str) -> ReviewQuerySet:
        """One status, or any."""
        return rows if value == ANY else rows.filter(status=value)

    def by_holder(self, rows: ReviewQuerySet, _name: str, value: str) -> ReviewQuerySet:
        """Reviews that this user holds, or that nobody holds."""
        return rows.held_by(self.request.user) if value == "me" else rows.unclaimed()

    def by_text(self, rows: ReviewQuerySet, _name: str, value: str) -> ReviewQuerySet:
        """A piece of the reference, title, customer or error name."""
        return rows.with_text(value)


@dataclass(frozen=True)
class Chip:
    """A filter that is set, and the query string without it."""

    label: str
    value: str
    without: str


@dataclass(frozen=True)
class FilteredReviews:
    """Reviews filtered as a URL says, and the form, chips and values that show the filters."""

    rows: ReviewQuerySet
    form: forms.Form
    chips: list[Chip]
    active: dict[str, str]
    status: str

    @property
    def order(self) -> tuple[str, ...]:
        """Open reviews by deadline, all others by arrival, the latest first."""
        return BY_DEADLINE if self.status == PENDING else BY_ARRIVAL


def apply_filters(rows: ReviewQuerySet, query: Any, request: Any) -> FilteredReviews:
    """Apply the filters of a query string; an invalid value is left out and reported by the form."""
    given = {name: query[name] for name in ReviewFilter.base_filters if query.get(name)}
    filters = ReviewFilter({"status": PENDING.value} | given, queryset=rows, request=request)
    rows = filters.qs
    cleaned = {name: value for name, value in filters.form.cleaned_data.items() if value}
    active = {
        name: value for name, value in cleaned.items() if (name, value) != ("status", PENDING)
    }
    chips = [
        Chip(str(filters.filters[name].label), _shown(name, value), _query(active, name))
        for name, value in active.items()
    ]
    return FilteredReviews(rows, filters.form, chips, active, cleaned.get("status", PENDING))


def lean(rows: ReviewQuerySet) -> ReviewQuerySet:
    """The reviews with only what a row shows: payloads, of up to a megabyte, are not loaded."""
    return (
        rows.defer("payload", "flags", "error_cause")
        .select_related("assignee", "queue")
        .annotate(
            total=KT("payload__input__total"),
            currency=KT("payload__input__currency"),
            buyer=KT("payload__input__customer__name"),
        )
    )


class ReviewRow:
    """One row of a list of reviews."""

    def __init__(self, review: ReviewTask, now: datetime) -> None:
        self.review = review
        self.deadline = deadline(review, now)
        self.holder: User | None = review.assignee if review.is_held(now) else None

    @property
    def amount(self) -> str:
        """The amount by the queue's settings, else the order's total."""
        amount: Decimal | str | None = self.review.amount
        if amount is None:
            amount = getattr(self.review, "total", None)
        return display.money(amount, getattr(self.review, "currency", None) or "")

    @property
    def customer(self) -> str:
        """The customer by the queue's settings, else the customer's name in the order."""
        return self.review.customer or getattr(self.review, "buyer", None) or ""


def _shown(name: str, value: str) -> str:
    choices = {"status": dict(_STATUSES), "assignee": dict(_HOLDERS)}.get(name, {})
    return str(choices.get(value, value))


def _query(active: dict[str, str], without: str) -> str:
    return urlencode({name: value for name, value in active.items() if name != without})
