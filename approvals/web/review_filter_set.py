"""The set of filters of lists of reviews: their values in the URL, and what each leaves out."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from functools import lru_cache

import django_filters
from django import forms
from django.db.models.functions import Now

from approvals.models import ReviewTask
from approvals.models.review_routing import AWAKE
from approvals.models.review_search import AMOUNT
from approvals.models.review_tasks import ReviewQuerySet
from approvals.web.list_filters import NumberFilter, span

PENDING = ReviewTask.Status.PENDING
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


def _amount(label: str, method: str) -> NumberFilter:
    digits = {"max_digits": AMOUNT.max_digits, "decimal_places": AMOUNT.decimal_places}
    return NumberFilter(method=method, label=label, **digits)


@lru_cache(maxsize=1)
def form_class() -> type[forms.Form]:
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
        return form_class()

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
