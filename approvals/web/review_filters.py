"""Lists of reviews that are filtered by their URL, and the order of what the filters leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from approvals.models import ReviewQueue, ReviewTask
from approvals.models.review_tasks import ReviewQuerySet
from approvals.pagination import Page
from approvals.web import list_filters
from approvals.web.list_filters import Chip, SortLink, query_without, shown
from approvals.web.review_filter_set import ANY, PENDING, ReviewFilter, form_class
from approvals.web.review_rows import BY_AMOUNT, BY_ARRIVAL, BY_DEADLINE, BY_URGENCY

Narrow = Callable[[Any, int], Any]
UNFILTERED = {"status": PENDING.value}
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


@dataclass(frozen=True)
class FilteredReviews:
    """Reviews filtered as a URL says, and the form, chips and values that show the filters.

    A list takes `listed`, of the status alone or of more filters, and `narrow_in`, which applies the others.
    Of a URL without filters no form is made: most pages are asked for without.
    """

    everything: ReviewQuerySet
    given: dict[str, str]  # the filters of the URL, be they valid or not
    request: Any

    @cached_property
    def filters(self) -> ReviewFilter:
        """The filters with their values; without a valid status they find open reviews."""
        values = UNFILTERED | self.given
        filters = ReviewFilter(values, queryset=self.everything, request=self.request)
        filters.is_valid()
        filters.form.cleaned_data.setdefault("status", PENDING.value)
        return filters

    @property
    def form(self) -> forms.Form:
        """The form that shows the filters and what is wrong with them."""
        form: forms.Form = self.filters.form
        return form

    @property
    def errors(self) -> Any:
        """What is wrong with filters of the URL, by their names."""
        return self.form.errors if self.asked else {}

    @cached_property
    def _cleaned(self) -> dict[str, str]:
        return {
            name: f"{value:f}" if isinstance(value, Decimal) else value
            for name, value in self.form.cleaned_data.items()
            if value not in (None, "")
        }

    @cached_property
    def active(self) -> dict[str, str]:
        """The valid filters that are set, and the order."""
        if not self.asked:
            return {}
        usual = ("status", PENDING)
        return {name: value for name, value in self._cleaned.items() if (name, value) != usual}

    @property
    def chips(self) -> list[Chip]:
        """What shows the filters that are set."""
        return [
            Chip(
                str(self.filters.filters[name].label),
                shown(self.form, name),
                query_without(self.active, name),
            )
            for name in self.active
            if name != "sort"
        ]

    @property
    def status(self) -> str:
        """The status of the reviews, or ANY."""
        return self._cleaned["status"] if self.asked else PENDING.value

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
        return cast("ReviewQuerySet", self.filters.qs) if self.asked else self.everything.pending()

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
        return UNFILTERED | self.given != UNFILTERED

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
    return _form_html(form_class()(UNFILTERED), {})


def apply_filters(rows: ReviewQuerySet, query: Any, request: Any) -> FilteredReviews:
    """Apply the filters of a query string; an invalid value is left out and reported by the form."""
    given = {name: query[name] for name in ReviewFilter.base_filters if query.get(name)}
    return FilteredReviews(rows, given, request)
