"""What all page groups share: a list that never counts to its end, a row that is only looked at, and
doors: pages with a form whose POST calls one verb."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied, SuspiciousOperation, ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from approvals.admin import formatting
from approvals.admin.rights import Rights, rights
from approvals.exceptions import ApprovalsError, NotAllowed, NotFound
from approvals.untrusted.display import visible

if TYPE_CHECKING:
    Stock = admin.ModelAdmin[Any]
    AnyPaginator = Paginator[Any]
else:
    Stock, AnyPaginator = admin.ModelAdmin, Paginator

View = Callable[..., HttpResponse]
SAFE = ("GET", "HEAD")


@dataclass(frozen=True)
class Tool:
    """A link above a list or a row to a page where something can be done."""

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
        """How many rows there are, as far as is worth knowing."""
        return min(self._counted, self.CAP)

    @property
    def capped(self) -> bool:
        """Whether there are more."""
        return self._counted > self.CAP


class InOrder(ChangeList):
    """A list in its own order: the stock one takes any other from the address."""

    def get_ordering(self, request: HttpRequest, queryset: Any) -> list[Any]:
        """The page's order, which ends with something unique."""
        return [str(name) for name in self.model_admin.ordering or ["-pk"]]


class Page(Stock):
    """A model's list and its rows, to be looked at.

    The stock views that save (`changeform_view`, `delete_view`, the list's bulk edit) open a
    transaction around what they do, and a verb's own durable transaction refuses to run inside
    another. So they are not used: no address leads to adding, deleting or the stock history, and a
    row's page takes no POST. Whatever changes something stands in `doors`.
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

    shows: ClassVar[Sequence[Any]] = ()
    chain: ClassVar[str] = ""  # the kind of chain whose events stand below the row

    def sees(self, known: Rights) -> bool:
        """Whether somebody with these rights looks at these rows at all."""
        return known.inspects

    def doors(self) -> list[URLPattern]:
        """The addresses of pages that call verbs."""
        return []

    def tools(self, request: HttpRequest, row: Any) -> list[Tool]:
        """What can be done from a row's page."""
        return []

    def list_tools(self, request: HttpRequest) -> list[Tool]:
        """What can be done from the list."""
        return []

    def below(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What a row's page shows below its fields."""
        return {}

    # --- what the stock admin asks

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """By `policy`; the stock table of permissions is not used."""
        return self.sees(rights(request))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the index lists this group."""
        return self.sees(rights(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never the stock way."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never the stock way."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: rows with a history are not deleted."""
        return False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only the filters that are offered: any column else could be guessed at, digit by digit."""
        columns = [each for each in self.list_filter if isinstance(each, str)]
        own = {getattr(each, "parameter_name", None) for each in self.list_filter}
        spelt = {f"{name}{by}" for name in columns for by in ("", "__exact", "__id__exact")}
        return lookup in spelt | own

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The columns of `shows`."""
        return [(None, {"fields": tuple(self.shows)})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them."""
        return tuple(self.shows)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """A list that keeps to its order."""
        return InOrder

    @property
    def media(self) -> forms.Media:
        """What picks rows on a list with actions; the stock forms' scripts have nothing to do here."""
        return forms.Media(js=["admin/js/core.js", "admin/js/actions.js"] if self.actions else [])

    def get_urls(self) -> list[URLPattern]:
        """The list, the doors, and a row; and no other address."""
        wrap, name = self.admin_site.admin_view, f"approvals_{self.opts.model_name}"
        return [
            path("", wrap(self.changelist_view), name=f"{name}_changelist"),
            *self.doors(),
            path("<path:object_id>/change/", wrap(self.change_view), name=f"{name}_change"),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list; a POST only picks rows for an action, which shows a page before anything is done."""
        if request.method not in SAFE and not self.get_actions(request):
            return HttpResponseNotAllowed(SAFE)
        try:
            return super().changelist_view(request, {"tools": self.list_tools(request)})
        except ValidationError as error:  # what was picked is no row's key
            raise SuspiciousOperation("no key of a row") from error

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One row, to be looked at."""
        if request.method not in SAFE:
            return HttpResponseNotAllowed(SAFE)
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        shown = {"tools": self.tools(request, row), "inspects": rights(request).inspects}
        shown["subtitle"] = visible(str(row))[:100]
        shown |= self.below(request, row)
        if self.chain:
            chain = f"{self.chain}:{row.pk}"
            shown |= {"chain": chain, "events": formatting.events(chain)}
        return super().change_view(request, object_id, form_url, shown)

    # --- doors

    def door(self, route: str, view: View, name: str) -> URLPattern:
        """The address of a page that calls a verb: `admin:approvals_<model>_<name>`."""

        @wraps(view)
        def told(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in (*SAFE, "POST"):
                return HttpResponseNotAllowed((*SAFE, "POST"))
            try:
                return view(request, *args, **kwargs)
            except NotFound as error:
                raise Http404(error.message) from error
            except NotAllowed as error:
                raise PermissionDenied(error.message) from error

        wrapped = self.admin_site.admin_view(told)
        return path(route, wrapped, name=f"approvals_{self.opts.model_name}_{name}")

    def address(self, name: str, *args: Any) -> str:
        """Where a page of this group stands."""
        return reverse(f"admin:approvals_{self.opts.model_name}_{name}", args=args)

    def tool(self, label: str, name: str, *args: Any) -> Tool:
        """A link to a door."""
        return Tool(label, self.address(name, *args))

    def ask(
        self,
        request: HttpRequest,
        form: forms.BaseForm,
        act: Callable[[dict[str, Any]], HttpResponse],
        **shown: Any,
    ) -> HttpResponse:
        """Show `form`; a POST that is valid goes to `act`, and a refusal comes back above what was typed.

        `shown`: title, button, back (an address), and where it helps says (a sentence) or danger.
        """
        status = 200
        if request.method == "POST":
            status = 422
            if form.is_valid():
                try:
                    return act(form.cleaned_data)
                except (NotFound, NotAllowed):
                    raise
                except ApprovalsError as error:
                    form.add_error(None, error.message)
                    status = error.status
        return self.render(request, "admin/action_form.html", {"form": form, **shown}, status)

    def once(self, request: HttpRequest, **shown: Any) -> HttpResponse:
        """Show a secret this one time: it is the answer to the POST that made it, and nowhere stored."""
        return self.render(request, "admin/secret_shown_once.html", shown, 200)

    def render(
        self, request: HttpRequest, template: str, shown: dict[str, Any], status: int
    ) -> HttpResponse:
        """A page in the frame of the site."""
        frame = {**self.admin_site.each_context(request), "opts": self.opts, **shown}
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, frame, status=status)
