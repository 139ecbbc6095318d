"""The filters in the URL of the lists of orders and of batches, and the orders of these lists."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

import django_filters
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from approvals.models import OrderBatch, OrderExecution
from approvals.models.order_executions import OrderQuerySet
from approvals.web import list_filters
from approvals.web.list_filters import SPANS, FilteredList

BY_ARRIVAL = ("-created_at", "-id")
ORDERS_OF_ORDERS = {"-accepted": BY_ARRIVAL, "accepted": ("created_at", "id")}
ORDERS_OF_BATCHES = {
    "-begun": BY_ARRIVAL,
    "begun": ("created_at", "id"),
    "rows": ("-position", "-id"),
    "refused": ("-refused", "-id"),
}
LONGEST_TEXT = 512  # characters of a search: an ARN may be as long


class _ListFilter(django_filters.FilterSet):  # type: ignore[misc]
    """What both lists have: a search (`by_text` of each), a span of time, and an order."""

    q = django_filters.CharFilter(method="by_text", label="Search", max_length=LONGEST_TEXT)
    within = django_filters.ChoiceFilter(
        choices=SPANS, method="newer_than", empty_label="Any time", label="From"
    )

    def newer_than(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        """Rows of this last span of time."""
        return rows.filter(created_at__gte=Now() - list_filters.span(value))

    def as_they_are(self, rows: QuerySet[Any], _name: str, _value: str) -> QuerySet[Any]:
        """All rows: the order is no filter, but is in the URL beside them."""
        return rows


class OrderFilter(_ListFilter):
    """The filters of the list of orders."""

    status = django_filters.ChoiceFilter(
        choices=OrderExecution.Status.choices, empty_label="Any status", label="Status"
    )
    error = django_filters.CharFilter("error", "exact", label="Error", max_length=256)
    started_by = django_filters.CharFilter(
        "created_by__email", "iexact", label="Started by (e-mail)", max_length=254
    )
    sort = django_filters.ChoiceFilter(
        choices=[("-accepted", "Latest first"), ("accepted", "Oldest first")],
        method="as_they_are",
        empty_label=None,
        label="Sort by",
    )

    class Meta:
        model = OrderExecution
        fields: tuple[str, ...] = ()

    def by_text(self, rows: OrderQuerySet, _name: str, value: str) -> OrderQuerySet:
        """Orders with ids that begin with this text, in any case, or with this execution or batch."""
        return rows.with_text(value)


class BatchFilter(_ListFilter):
    """The filters of the list of batches."""

    status = django_filters.ChoiceFilter(
        choices=OrderBatch.Status.choices, empty_label="Any status", label="Status"
    )
    mode = django_filters.ChoiceFilter(
        choices=OrderBatch.Mode.choices, empty_label="Any mode", label="Mode"
    )
    needs = django_filters.ChoiceFilter(
        choices=[("help", "Stopped or waiting"), ("rows", "With refused rows")],
        method="in_need",
        empty_label="All",
        label="Trouble",
    )
    sort = django_filters.ChoiceFilter(
        choices=[
            ("-begun", "Latest first"),
            ("begun", "Oldest first"),
            ("rows", "Most rows first"),
            ("refused", "Most refused first"),
        ],
        method="as_they_are",
        empty_label=None,
        label="Sort by",
    )

    class Meta:
        model = OrderBatch
        fields: tuple[str, ...] = ()

    def by_text(self, rows: QuerySet[OrderBatch], _name: str, value: str) -> QuerySet[OrderBatch]:
        """Batches with this text in their source or in what stopped them, or with this id."""
        fits = Q(source__icontains=value) | Q(trouble__icontains=value)
        with suppress(ValueError):
            fits |= Q(pk=UUID(value))
        return rows.filter(fits)

    def in_need(self, rows: QuerySet[OrderBatch], _name: str, value: str) -> QuerySet[OrderBatch]:
        """Batches that stand still, or with rows that were refused."""
        if value == "rows":
            return rows.filter(refused__gt=0)
        return rows.filter(Q(status=OrderBatch.Status.STOPPED) | ~Q(problem=""))


def orders(rows: OrderQuerySet, query: Any) -> FilteredList:
    """Orders as a query string says."""
    return list_filters.apply(OrderFilter, rows, query, ORDERS_OF_ORDERS)


def batches(rows: QuerySet[OrderBatch], query: Any) -> FilteredList:
    """Batches as a query string says."""
    return list_filters.apply(BatchFilter, rows, query, ORDERS_OF_BATCHES)
