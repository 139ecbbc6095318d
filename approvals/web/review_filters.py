"""The filters of lists of reviews, in the URL, and the order of what they leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import django_filters
from django import forms

from approvals.models import ReviewTask
from approvals.models.review_tasks import ReviewQuerySet
from approvals.web.review_rows import BY_ARRIVAL, BY_DEADLINE

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


def _shown(name: str, value: str) -> str:
    choices = {"status": dict(_STATUSES), "assignee": dict(_HOLDERS)}.get(name, {})
    return str(choices.get(value, value))


def _query(active: dict[str, str], without: str) -> str:
    return urlencode({name: value for name, value in active.items() if name != without})
