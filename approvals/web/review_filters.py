"""The filters of lists of reviews, in the URL, and the order of what they leave."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any, cast
from urllib.parse import urlencode

import django_filters
from django import forms
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from approvals.models import ReviewQueue, ReviewTask
from approvals.models.review_routing import AWAKE
from approvals.models.review_search import AMOUNT
from approvals.models.review_tasks import ReviewQuerySet
from approvals.pagination import Page
from approvals.web import list_filters
from approvals.web.list_filters import Chip, NumberFilter, SortLink, query_without, shown, span
from approvals.web.review_rows import BY_AMOUNT, BY_ARRIVAL, BY_DEADLINE, BY_URGENCY

Narrow = Callable[[Any, int], Any]
PENDING = ReviewTask.Status.PENDING
UNFILTERED = {"status": PENDING.value}
ANY = "any"
LONGEST_TEXT = 512  # characters of the search: an ARN may be as long

_STATUSES = [*ReviewTask.Status.choices, (ANY, "Any status")]
_HOLDERS = [("me", "Claimed by me"), ("nobody", "Claimed by nobody")]
PAST = "past"
_SPANS = [("15m", "15 minutes"), ("1h", "1 hour"), ("4h", "4 hours"), ("1d", "1 day")]
_AGES = [*_SPANS[1:], ("3d", "3 days"), ("7d", "7 days")]
_SORTS = [
    ("deadline", "Deadline, soonest first"),
    ("-deadline", "Deadline, latest first"),
    ("arrival", "Arrival, oldest first"),
    ("-arrival", "Arrival, newest first"),
    ("priority", "Priority, highest first"),
    ("amount", "Amount, largest first"),
]
ORDERS: dict[str, tuple[str, ...]] = {
    "deadline": BY_DEADLINE,
    "-deadline": ("-deadline_at", "-id"),
    "arrival": ("received_at", "id"),
    "-arrival": BY_ARRIVAL,
    "priority": BY_URGENCY,
    "amount": BY_AMOUNT,
}
ALWAYS_SHOWN = ("q", "status", "assignee", "sort")
# Filters of open reviews with an index, and the orders that the index has. In any other order, the reviews of such
# a filter may all stand at the end of the list, and PostgreSQL may not know how few they are.
_SCATTERED: dict[str, tuple[str, ...]] = {
    "customer": (),
    "error": ("deadline", "-deadline"),
    "due": ("deadline", "-deadline"),
}


def _amount(label: str, method: str) -> NumberFilter:
    digits = {"max_digits": AMOUNT.max_digits, "decimal_places": AMOUNT.decimal_places}
    return NumberFilter(method=method, label=label, **digits)


@lru_cache(maxsize=1)
def _form_class() -> type[forms.Form]:
    fields = {name: each.field for name, each in deepcopy(ReviewFilter.base_filters).items()}
    return type("ReviewFilterForm", (forms.Form,), fields)


class ReviewFilter(django_filters.FilterSet):  # type: ignore[misc]
    """The filters in the URL of a list; only pending reviews unless it names another status."""

    q = django_filters.CharFilter(method="as_they_are", label="Search", max_length=LONGEST_TEXT)
    status = django_filters.ChoiceFilter(
        choices=_STATUSES, method="by_status", empty_label=None, label="Status"
    )
    assignee = django_filters.ChoiceFilter(
        choices=_HOLDERS, method="by_holder", empty_label="Anybody", label="Claimed by"
    )
    sort = django_filters.ChoiceFilter(
        choices=_SORTS, method="as_they_are", empty_label="Default", label="Sort by"
    )
    due = django_filters.ChoiceFilter(
        choices=[(PAST, "already past"), *_SPANS],
        method="due_within",
        empty_label="Any time",
        label="Due within",
    )
    age = django_filters.ChoiceFilter(
        choices=_AGES, method="older_than", empty_label="Any age", label="Waiting longer than"
    )
    reference = django_filters.CharFilter(lookup_expr="exact", label="Reference", max_length=256)
    customer = django_filters.CharFilter(lookup_expr="exact", label="Customer", max_length=200)
    error = django_filters.CharFilter("error_name", "exact", label="Error", max_length=256)
    amount_from = _amount("Amount from", "at_least")
    amount_to = _amount("Amount to", "at_most")
    priority = NumberFilter(
        "priority", "gte", label="Priority from", min_value=-32_768, max_value=32_767
    )
    snoozed = django_filters.ChoiceFilter(
        choices=[("yes", "Snoozed"), ("no", "Not snoozed")],
        method="by_snoozing",
        empty_label="Both",
        label="Snoozed",
    )
    escalated = django_filters.ChoiceFilter(
        choices=[("yes", "Escalated"), ("no", "Not escalated")],
        method="by_escalation",
        empty_label="Both",
        label="Escalated",
    )

    class Meta:
        model = ReviewTask
        fields: tuple[str, ...] = ()

    def get_form_class(self) -> type[forms.Form]:
        """The class of the form, which is the same each time."""
        return _form_class()

    @property
    def _pending(self) -> bool:
        return bool(self.form.cleaned_data.get("status") == PENDING)

    def by_status(self, rows: ReviewQuerySet, _name: str, value: str) -> ReviewQuerySet:
        """One status, or any."""
        return rows if value == ANY else rows.filter(status=value)

    def by_holder(self, rows: ReviewQuerySet, _name: str, value: str) -> ReviewQuerySet:
        """Reviews that this user holds, or that nobody holds."""
        return rows.held_by(self.request.user) if value == "me" else rows.unclaimed()

    def as_they_are(self, rows: ReviewQuerySet, _name: str, _value: str) -> ReviewQuerySet:
        """All rows: the order is no filter, and how a text is looked for depends on what is asked for."""
        return rows

    def due_within(self, rows: ReviewQuerySet, _name: str, value: str) -> ReviewQuerySet:
        """Deadlines within this span, or past; with PAST only those."""
        return rows.filter(deadline_at__lte=Now() if value == PAST else Now() + span(value))

    def older_than(self, rows: ReviewQuerySet, _name: str, value: str) -> ReviewQuerySet:
        """Reviews that arrived longer ago than this span."""
        return rows.filter(received_at__lte=Now() - span(value))

    def at_least(self, rows: ReviewQuerySet, _name: str, value: Decimal) -> ReviewQuerySet:
        """Amounts from this one on."""
        return rows.amount_from(value, pending=self._pending)

    def at_most(self, rows: ReviewQuerySet, _name: str, value: Decimal) -> ReviewQuerySet:
        """Amounts up to this one."""
        return rows.amount_to(value, pending=self._pending)

    def by_snoozing(self, rows: ReviewQuerySet, _name: str, value: str) -> ReviewQuerySet:
        """Reviews that are set aside until later, or are not."""
        snoozed = rows.filter(snoozed_until__gt=Now())
        return snoozed if value == "yes" else rows.filter(AWAKE)

    def by_escalation(self, rows: ReviewQuerySet, _name: str, value: str) -> ReviewQuerySet:
        """Reviews that were escalated, or were not."""
        return rows.filter(escalated_to__isnull=value == "no")


@dataclass(frozen=True)
class FilteredReviews:
    """Reviews filtered as a URL says, and the form, chips and values that show the filters.

    A list takes `listed`, of the status alone or of more filters, and `narrow_in`, which applies the others.
    """

    everything: ReviewQuerySet
    filters: ReviewFilter
    form: forms.Form
    chips: list[Chip]
    active: dict[str, str]
    status: str

    @property
    def text(self) -> str:
        """The text that is searched for; empty without one."""
        return self.active.get("q", "")

    @property
    def listed(self) -> ReviewQuerySet:
        """What a list is read from."""
        if self._is_scattered:
            return self.filters.by_status(self.everything, "status", self.status)
        return self._filtered

    @cached_property
    def rows(self) -> ReviewQuerySet:
        """The reviews of all filters; a statement finds out how the text is to be looked for."""
        return self._filtered.with_text(self.text) if self.text else self._filtered

    @property
    def _filtered(self) -> ReviewQuerySet:  # by all filters but the text
        return cast("ReviewQuerySet", self.filters.qs)

    @property
    def _is_scattered(self) -> bool:
        """Whether the list's order says nothing about where the reviews of the filters stand in it."""
        named = [name for name in _SCATTERED if name in self.active]
        return (
            self.status == PENDING
            and not self.text
            and any(self.sort not in _SCATTERED[name] for name in named)
        )

    @property
    def sort(self) -> str:
        """The order's name: by default open reviews by deadline, all others by arrival, the latest first."""
        default = "deadline" if self.status == PENDING else "-arrival"
        asked = self.active.get("sort", default)
        # The amounts of closed reviews have no index in order.
        return default if asked == "amount" and self.status != PENDING else asked

    @property
    def order(self) -> tuple[str, ...]:
        """The names of the columns by which the list is ordered."""
        return ORDERS[self.sort]

    @property
    def columns(self) -> dict[str, SortLink]:
        """The heads of the columns; each link turns the order if the list has it already."""
        return {
            "deadline": self._link("Deadline", "deadline", "-deadline"),
            "priority": self._link("priority", "priority", "priority"),
            "amount": self._link("Amount", "amount", "amount"),
            "arrival": self._link("Waiting", "arrival", "-arrival"),
        }

    @property
    def asked(self) -> bool:
        """Whether the URL asks for anything but the open reviews, be it valid or not."""
        return bool(self.filters.data != UNFILTERED)

    @property
    def form_html(self) -> SafeString:
        """The form of the filters; without any it is the same for everybody, and written once."""
        return _form_html(self.form, self.active) if self.asked else _empty_form_html()

    @property
    def count(self) -> str:
        """The number of reviews as a page shows it, such as `7` or `1,000+`, in one statement."""
        most, rows = list_filters.COUNT_UP_TO + 1, self._filtered
        if self.text:
            ordered = rows.order_by(*(BY_DEADLINE if self.status == PENDING else BY_ARRIVAL))
            rows = ordered.some_with_text(self.text, most)
        return list_filters.capped(rows.order_by()[:most].count())

    def counted(self, page: Page[Any]) -> str:
        """The same; without a statement if the page, which must be the first one, has all there are."""
        whole = page.next is None and page.previous is None
        return list_filters.capped(len(page.rows)) if whole else self.count

    def narrow_in(self, queue: ReviewQueue) -> Narrow:
        """Leaves out rows that cannot be among the first so many: no index has all statuses by deadline.

        Leaves out what the filters and the text leave out, too.
        """
        if self._is_scattered:
            return lambda rows, limit: self.filters.filter_queryset(rows).first_of_scattered(
                rows, limit
            )
        several = self.status == ANY and not self.sort.endswith("arrival")
        among = ([queue.pk], ReviewTask.Status.values) if several else None
        return lambda rows, limit: rows.first_rows(limit, self.text, among)

    def _link(self, label: str, first: str, then: str) -> SortLink:
        now = {first: "ascending", then: "descending"}.get(self.sort, "")
        now = "descending" if first == then and now else now
        return SortLink(
            label, urlencode(self.active | {"sort": then if self.sort == first else first}), now
        )


def _form_html(form: forms.Form, active: dict[str, str]) -> SafeString:
    more = [form[name] for name in form.fields if name not in ALWAYS_SHOWN]
    is_open = any(field.name in {*active, *form.errors} for field in more)
    values = {"first": [form[name] for name in ALWAYS_SHOWN], "more": more, "is_open": is_open}
    return render_to_string("approvals/_review_filters.html", values)


@lru_cache(maxsize=1)
def _empty_form_html() -> SafeString:
    return _form_html(_form_class()(UNFILTERED), {})


def apply_filters(rows: ReviewQuerySet, query: Any, request: Any) -> FilteredReviews:
    """Apply the filters of a query string; an invalid value is left out and reported by the form."""
    given = {name: query[name] for name in ReviewFilter.base_filters if query.get(name)}
    filters = ReviewFilter(UNFILTERED | given, queryset=rows, request=request)
    filters.is_valid()
    cleaned = {
        name: f"{value:f}" if isinstance(value, Decimal) else value
        for name, value in filters.form.cleaned_data.items()
        if value not in (None, "")
    }
    active = {
        name: value for name, value in cleaned.items() if (name, value) != ("status", PENDING)
    }
    chips = [
        Chip(
            str(filters.filters[name].label), shown(filters.form, name), query_without(active, name)
        )
        for name in active
        if name != "sort"
    ]
    return FilteredReviews(
        rows, filters, filters.form, chips, active, cleaned.get("status", PENDING)
    )
