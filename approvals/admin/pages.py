"""The base of all pages: a list with a capped count, and a read-only row; `action_pages` has the forms."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied, SuspiciousOperation, ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path
from django.utils.text import capfirst

from approvals.admin import formatting
from approvals.admin.action_pages import SAFE, ActionPages, Tool
from approvals.admin.permissions import Permissions, permissions
from approvals.admin.read_only import ReadOnly
from approvals.untrusted.display import visible

if TYPE_CHECKING:
    Stock = admin.ModelAdmin[Any]
    AnyPaginator = Paginator[Any]
else:
    Stock, AnyPaginator = admin.ModelAdmin, Paginator


class CappedPaginator(AnyPaginator):
    """Pages of the first rows only: the database counts to the cap and no further."""

    CAP = 2_000

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: self.CAP + 1].count())

    @cached_property
    def count(self) -> int:
        """How many rows there are, at most CAP."""
        return min(self._counted, self.CAP)

    @property
    def capped(self) -> bool:
        """Whether there are more rows than CAP."""
        return self._counted > self.CAP


class FixedOrderChangeList(ChangeList):
    """A list in the order of its page; the stock one takes an order from the URL."""

    def get_ordering(self, request: HttpRequest, queryset: Any) -> list[Any]:
        """The page's order; its last column is unique."""
        return [str(name) for name in self.model_admin.ordering or ["-pk"]]

    def get_results(self, request: HttpRequest) -> None:
        """The rows of this page of the list, and what its columns need beside them."""
        super().get_results(request)
        page: Any = self.model_admin
        self.result_list = list(self.result_list)
        page.prepare(request, self.result_list)


class Page(ActionPages, ReadOnly, Stock):
    """The list and the rows of a model, read only.

    The stock views that save (`changeform_view`, `delete_view`, the list's bulk edit) open a
    transaction around what they do, and a verb's own durable transaction refuses to run inside
    another. So they are not used: no address leads to adding, deleting or the stock history, and a
    row's page takes no POST. What changes something has a URL in `action_urls`.
    """

    actions: Any = None
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()  # an order that no index serves would sort the whole table
    paginator = CappedPaginator
    change_form_template = "admin/row.html"
    change_list_template = "admin/rows.html"

    row_fields: ClassVar[Sequence[Any]] = ()
    chain: ClassVar[str] = ""  # the kind of chain whose events stand below the row
    list_title: ClassVar[str] = ""  # of the list; "" for the model's own name
    empty: ClassVar[str] = "There is none yet."  # what an empty list says
    add_label: ClassVar[str] = ""  # of the link from the list to the URL `new`, for operators

    def may_view(self, granted: Permissions) -> bool:
        """Whether a user with these permissions may look at these rows."""
        return granted.inspects

    def action_urls(self) -> list[URLPattern]:
        """The URLs of pages that call verbs."""
        return []

    def tools(self, request: HttpRequest, row: Any) -> list[Tool]:
        """The links of a row's page: those of `operator_tools`, for operators."""
        return self.operator_tools(row) if permissions(request).operates else []

    def operator_tools(self, row: Any) -> list[Tool]:
        """The links of a row's page that operators get."""
        return []

    def list_tools(self, request: HttpRequest) -> list[Tool]:
        """The links above the list: to the page that adds a row, for operators."""
        if self.add_label and permissions(request).operates:
            return [self.tool(self.add_label, "new")]
        return []

    def search(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """The rows of the list that a search term, stripped and not empty, finds."""
        return rows

    @property
    def named(self) -> str:
        """What the list is called, in its heading and in the bar of links."""
        return self.list_title or capfirst(str(self.opts.verbose_name_plural))

    def prepare(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Read what the columns of these rows of a list show beside the rows themselves."""

    def nothing_here(self, request: HttpRequest) -> str:
        """Why the list is empty although nothing was searched for, in a sentence or two."""
        return self.empty

    def is_row(self, request: HttpRequest) -> bool:
        """Whether this request is for the page of a single row, which reads all its columns."""
        match = request.resolver_match
        return match is not None and str(match.url_name).endswith("_change")

    def related(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """The template context of what a row's page shows below its fields."""
        return {}

    # --- overridden methods of ModelAdmin

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """The row of a page, read once: the stock view asks for it again, and shows what is read beside it."""
        known = getattr(request, "admin_row", None)
        if known is None or str(known.pk) != object_id:
            known = super().get_object(request, object_id, from_field)
            request.admin_row = known  # type: ignore[attr-defined]
        return known

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As `policy` answers; Django's table of permissions is not used."""
        return self.may_view(permissions(request))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the index lists this model."""
        return self.may_view(permissions(request))

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only the filters that are offered; with others the values of any column could be guessed."""
        columns = [each for each in self.list_filter if isinstance(each, str)]
        own = {getattr(each, "parameter_name", None) for each in self.list_filter}
        lookups = {f"{name}{by}" for name in columns for by in ("", "__exact", "__id__exact")}
        return lookup in lookups | own

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The columns of `row_fields`."""
        return [(None, {"fields": tuple(self.row_fields)})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The same columns: all are read only."""
        return tuple(self.row_fields)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """A list whose order is fixed."""
        return FixedOrderChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The rows that `search` finds; all for an empty term."""
        term = search_term.strip()
        return (self.search(queryset, term) if term else queryset), False

    @property
    def media(self) -> forms.Media:
        """The scripts that select rows, for a list with actions; those of the stock forms are not needed."""
        return forms.Media(js=["admin/js/core.js", "admin/js/actions.js"] if self.actions else [])

    def get_urls(self) -> list[URLPattern]:
        """The URLs of the list, of the actions and of a row, and no other."""
        wrap, name = self.admin_site.admin_view, f"approvals_{self.opts.model_name}"
        return [
            path("", wrap(self.changelist_view), name=f"{name}_changelist"),
            *self.action_urls(),
            path("<path:object_id>/change/", wrap(self.change_view), name=f"{name}_change"),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list; a POST only selects rows for an action, which shows a form before it changes anything."""
        if request.method not in SAFE and not self.get_actions(request):
            return HttpResponseNotAllowed(SAFE)
        try:
            context: dict[str, Any] = {"tools": self.list_tools(request), "title": self.named}
            context["empty"] = self.nothing_here(request)
            return super().changelist_view(request, context)
        except ValidationError as error:  # a selected value is no key of a row
            raise SuspiciousOperation("no key of a row") from error

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One row, read only."""
        if request.method not in SAFE:
            return HttpResponseNotAllowed(SAFE)
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        context = {"tools": self.tools(request, row), "inspects": permissions(request).inspects}
        context["subtitle"] = visible(str(row))[:100]
        context |= self.related(request, row)
        if self.chain:
            chain = f"{self.chain}:{row.pk}"
            context |= {"chain": chain, "events": formatting.events(chain)}
        return super().change_view(request, object_id, form_url, context)
