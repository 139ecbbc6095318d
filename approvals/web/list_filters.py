"""Lists that are filtered by their URL: the chips of the filters that are set, the order, and the count.

What lists of orders and of batches share; `review_filters` has what is particular to reviews.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from approvals.untrusted import numbers

COUNT_UP_TO = 1_000
SECONDS = {"m": 60, "h": 3_600, "d": 86_400}
MAGNITUDE = 18  # digits before the point of a number in a URL
SPANS = [("1h", "the last hour"), ("1d", "the last day"), ("7d", "7 days"), ("30d", "30 days")]


class NumberField(forms.DecimalField):
    """A number in a URL, which is written out on the page: `1E-1000000` would be a million digits."""

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]  # as DecimalField does
        """The number; None for an empty value. Raises ValidationError."""
        number = super().to_python(value)
        if number is None:
            return None
        bounded = numbers.decimal(number, magnitude=MAGNITUDE)
        if bounded is None:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return bounded


class NumberFilter(django_filters.NumberFilter):  # type: ignore[misc]
    """Filters by a number that is bounded before anything is computed with it."""

    field_class = NumberField


@dataclass(frozen=True)
class Chip:
    """A filter that is set, and the query string without it."""

    label: str
    value: str
    without: str


@dataclass(frozen=True)
class SortLink:
    """The head of a column that can be sorted: the query string that sorts by it, and how it is sorted now."""

    label: str
    query: str
    direction: str  # "" if the list is not sorted by it


@dataclass(frozen=True)
class FilteredList:
    """Rows filtered as a URL says, and the form, chips and values that show the filters."""

    rows: QuerySet[Any]
    form: forms.Form
    chips: list[Chip]
    active: dict[str, str]
    orders: Mapping[str, tuple[str, ...]]  # by their names in the URL; the first one is the default

    @property
    def errors(self) -> Any:
        """What is wrong with filters of the URL, by their names."""
        return self.form.errors

    @property
    def sort(self) -> str:
        """The order's name."""
        return self.active.get("sort") or next(iter(self.orders))

    @property
    def order(self) -> tuple[str, ...]:
        """The names of the columns by which the list is ordered."""
        return self.orders[self.sort]

    @property
    def query(self) -> str:
        """The filters and the order as a query string."""
        return urlencode(self.active)

    @property
    def count(self) -> str:
        """The number of rows as a page shows it, such as `7` or `1,000+`, in one statement."""
        return capped_count(self.rows)

    def sort_link(self, label: str, first: str, then: str = "") -> SortLink:
        """The head of a column: sorts by `first`, and by `then` if the list is sorted by `first` already."""
        then = then or first
        directions = {name: "descending" if self.orders[name][0][:1] == "-" else "ascending"
                      for name in (first, then)}  # fmt: skip
        wanted = then if self.sort == first else first
        query = urlencode(self.active | {"sort": wanted})
        return SortLink(label, query, directions.get(self.sort, ""))


def span(value: str) -> timedelta:
    """The length of a span as it stands in a URL: `15m`, `4h`, `7d`."""
    return timedelta(seconds=int(value[:-1]) * SECONDS[value[-1]])


def capped_count(rows: QuerySet[Any]) -> str:
    """How many rows there are, up to COUNT_UP_TO."""
    return capped(rows.order_by()[: COUNT_UP_TO + 1].count())


def capped(number: int) -> str:
    """A number of rows, counted up to COUNT_UP_TO + 1, as a page shows it."""
    return f"{COUNT_UP_TO:,}+" if number > COUNT_UP_TO else f"{number:,}"


def apply(
    filters: type[django_filters.FilterSet],
    rows: QuerySet[Any],
    query: Any,
    orders: Mapping[str, tuple[str, ...]],
) -> FilteredList:
    """Apply the filters of a query string; an invalid value is left out and reported by the form."""
    given = {name: query[name] for name in filters.base_filters if query.get(name)}
    found = filters(given, queryset=rows)
    kept = found.qs  # this validates the form
    active = {
        name: f"{value:f}" if isinstance(value, Decimal) else str(value)
        for name, value in found.form.cleaned_data.items()
        if value not in (None, "") and (name, value) != ("sort", next(iter(orders)))
    }
    chips = [
        Chip(str(found.filters[name].label), shown(found.form, name), query_without(active, name))
        for name in active
        if name != "sort"
    ]
    return FilteredList(kept, found.form, chips, active, orders)


def shown(form: forms.Form, name: str) -> str:
    """A filter's value as its form shows it."""
    value: Any = form.cleaned_data[name]
    choices: Sequence[Any] = getattr(form.fields[name], "choices", ())
    return str(dict(choices).get(value, value))


def query_without(active: Mapping[str, str], without: str) -> str:
    """The query string of these filters without one of them."""
    return urlencode({name: value for name, value in active.items() if name != without})
