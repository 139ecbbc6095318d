"""Pages that call a verb: a form, with fields or without, whose POST calls it and shows its refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from approvals.admin.fields import empty_form
from approvals.admin.permissions import ensure_operator
from approvals.exceptions import ApprovalsError, NotAllowed, NotFound

View = Callable[..., HttpResponse]
Row = TypeVar("Row", bound=Model)
SAFE = ("GET", "HEAD")


@dataclass(frozen=True)
class Tool:
    """A link above a list or a row to the page of an action."""

    label: str
    url: str


class ActionPages:
    """What the pages of a model use to call verbs: their URLs, and the forms that they show."""

    opts: Any
    admin_site: Any

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

        wrapped: View = self.admin_site.admin_view(guarded_view)
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
