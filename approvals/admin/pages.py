"""The base of all pages: a list with a capped count, a read-only row, and forms whose POST calls one verb."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied, SuspiciousOperation, ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from approvals.admin import formatting
from approvals.admin.fields import empty_form
from approvals.admin.permissions import Permissions, ensure_operator, permissions
from approvals.admin.read_only import ReadOnly
from approvals.exceptions import ApprovalsError, NotAllowed, NotFound
from approvals.untrusted.display import visible

if TYPE_CHECKING:
    Stock = admin.ModelAdmin[Any]
    AnyPaginator = Paginator[Any]
else:
    Stock, AnyPaginator = admin.ModelAdmin, Paginator

View = Callable[..., HttpResponse]
Row = TypeVar("Row", bound=Model)
SAFE = ("GET", "HEAD")


@dataclass(frozen=True)
class Tool:
    """A link above a list or a row to the page of an action."""

    label: str
    url: str


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


class Page(ReadOnly, Stock):
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

    def is_row(self, request: HttpRequest) -> bool:
        """Whether this request is for the page of a single row, which reads all its columns."""
        match = request.resolver_match
        return match is not None and str(match.url_name).endswith("_change")

    def related(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """The template context of what a row's page shows below its fields."""
        return {}

    # --- overridden methods of ModelAdmin

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
            return super().changelist_view(request, {"tools": self.list_tools(request)})
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

    # --- pages of actions

    def action_url(
        self, route: str, view: View, name: str, *, operators: bool = True
    ) -> URLPattern:
        """The URL `admin:approvals_<model>_<name>` of a page that calls a verb; `operators`: for them alone."""

        @wraps(view)
        def guarded_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in (*SAFE, "POST"):
                return HttpResponseNotAllowed((*SAFE, "POST"))
            if operators:
                ensure_operator(request)
            try:
                return view(request, *args, **kwargs)
            except NotFound as error:
                raise Http404(error.message) from error
            except NotAllowed as error:
                raise PermissionDenied(error.message) from error

        wrapped = self.admin_site.admin_view(guarded_view)
        return path(route, wrapped, name=f"approvals_{self.opts.model_name}_{name}")

    def url_of(self, name: str, *args: Any) -> str:
        """The URL of a page of this model."""
        return reverse(f"admin:approvals_{self.opts.model_name}_{name}", args=args)

    def tool(self, label: str, name: str, *args: Any) -> Tool:
        """A link to a page of this model."""
        return Tool(label, self.url_of(name, *args))

    def confirm_page(
        self,
        request: HttpRequest,
        key: Any,
        verb: Callable[[], object],
        *,
        done: str,
        **context: Any,
    ) -> HttpResponse:
        """A form without fields: a POST calls `verb` and says `done` on the row's page.

        `context`: title, button and description, as for `form_page`.
        """
        back = self.url_of("change", key)

        def run(_: dict[str, Any]) -> HttpResponse:
            verb()
            messages.success(request, done)
            return redirect(back)

        return self.form_page(request, empty_form(request), run, back=back, **context)

    def form_page(
        self,
        request: HttpRequest,
        form: forms.BaseForm,
        run: Callable[[dict[str, Any]], HttpResponse],
        **context: Any,
    ) -> HttpResponse:
        """Show `form`; a valid POST goes to `run`, and a refusal is shown above what was typed.

        `context`: title, button, back (a URL), and optionally description (a sentence) and hidden
        (fields as pairs of name and value).
        """
        status = 200
        if request.method == "POST":
            status = 422
            if form.is_valid():
                try:
                    return run(form.cleaned_data)
                except (NotFound, NotAllowed):
                    raise
                except ApprovalsError as error:
                    form.add_error(None, error.message)
                    status = error.status
        return self.render(request, "admin/action.html", {"form": form, **context}, status)

    def secret_page(self, request: HttpRequest, **context: Any) -> HttpResponse:
        """Show a secret once: as the response to the POST that made it; no other page can show it."""
        return self.render(request, "admin/secret.html", context, 200)

    def render(
        self, request: HttpRequest, template: str, context: dict[str, Any], status: int
    ) -> HttpResponse:
        """A page with the context that all pages of the site need."""
        full = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, full, status=status)


def row_or_404(rows: QuerySet[Row], key: Any) -> Row:
    """The row with this primary key. Raises NotFound, which `action_url` turns into a 404."""
    row = rows.filter(pk=key).first()
    if row is None:
        raise NotFound
    return row
