"""A queue's list: its filters, its order, and what one line of it shows."""

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
from approvals.web import wording

if TYPE_CHECKING:
    from approvals.models import User

BY_DEADLINE = ("deadline_at", "id")
BY_ARRIVAL = ("-received_at", "-id")
PENDING = ReviewTask.Status.PENDING
ANY = "any"

_STATUSES = [*ReviewTask.Status.choices, (ANY, "Any status")]
_HOLDERS = [("me", "Held by me"), ("nobody", "Held by nobody")]


class ReviewFilter(django_filters.FilterSet):  # type: ignore[misc]
    """The state of a list as its URL says it; pending reviews unless another status is named."""

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
        """Reviews on which a lease of mine runs, or nobody's."""
        return rows.held_by(self.request.user) if value == "me" else rows.unclaimed()

    def by_text(self, rows: ReviewQuerySet, _name: str, value: str) -> ReviewQuerySet:
        """A piece of the reference, title, customer or error name."""
        return rows.matching(value)


@dataclass(frozen=True)
class Chip:
    """A filter that is set, and the query string without it."""

    label: str
    value: str
    without: str


@dataclass(frozen=True)
class Narrowed:
    """A list narrowed by a URL's filters."""

    rows: ReviewQuerySet
    form: forms.Form
    chips: list[Chip]
    active: dict[str, str]
    status: str

    @property
    def order(self) -> tuple[str, ...]:
        """Open reviews by what is due first, all others by what came last."""
        return BY_DEADLINE if self.status == PENDING else BY_ARRIVAL


def narrow(rows: ReviewQuerySet, query: Any, request: Any) -> Narrowed:
    """Apply the filters of a query string; a value that cannot be is left out and said in the form."""
    given = {name: query[name] for name in ReviewFilter.base_filters if query.get(name)}
    filters = ReviewFilter({"status": PENDING.value} | given, queryset=rows, request=request)
    narrowed = filters.qs
    cleaned = {name: value for name, value in filters.form.cleaned_data.items() if value}
    active = {
        name: value for name, value in cleaned.items() if (name, value) != ("status", PENDING)
    }
    chips = [
        Chip(str(filters.filters[name].label), _shown(name, value), _query(active, name))
        for name, value in active.items()
    ]
    return Narrowed(narrowed, filters.form, chips, active, cleaned.get("status", PENDING))


def lean(rows: ReviewQuerySet) -> ReviewQuerySet:
    """Rows with only what a line shows: no payload of a megabyte to paint sixty characters."""
    return (
        rows.defer("payload", "flags", "error_cause")
        .select_related("assignee", "queue")
        .annotate(
            total=KT("payload__input__total"),
            currency=KT("payload__input__currency"),
            buyer=KT("payload__input__customer__name"),
        )
    )


class Line:
    """One review as a list shows it."""

    def __init__(self, review: ReviewTask, now: datetime) -> None:
        self.review = review
        self.deadline = wording.deadline(review, now)
        self.holder: User | None = review.assignee if review.is_held(now) else None

    @property
    def amount(self) -> str:
        """The promoted amount, else the order's own total."""
        amount: Decimal | str | None = self.review.amount
        if amount is None:
            amount = getattr(self.review, "total", None)
        return display.money(amount, getattr(self.review, "currency", None) or "")

    @property
    def customer(self) -> str:
        """The promoted customer, else the name the order gives."""
        return self.review.customer or getattr(self.review, "buyer", None) or ""


def _shown(name: str, value: str) -> str:
    choices = {"status": dict(_STATUSES), "assignee": dict(_HOLDERS)}.get(name, {})
    return str(choices.get(value, value))


def _query(active: dict[str, str], without: str) -> str:
    return urlencode({name: value for name, value in active.items() if name != without})
