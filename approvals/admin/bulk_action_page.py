"""Bulk actions: a verb on several rows, each in its own transaction, so that one refusal stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import SuspiciousOperation
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.safestring import SafeString

from approvals.admin.pages import Page
from approvals.exceptions import ApprovalsError, NotFound
from approvals.untrusted.display import visible

LONGEST_LABEL = 120  # characters of a row's name
AT_ONCE = 100  # rows of one bulk action
TOO_MANY = f"Nothing was done: at most {AT_ONCE} are taken at once. Filter the list, or pick fewer."


@dataclass(frozen=True)
class BulkAction:
    """A verb and its texts: `label` such as Approve, `done` such as approved, and what it means.

    A text that the verb returns stands in the place of `done`.
    """

    verb: Callable[[Any, dict[str, Any]], Any]
    label: str
    done: str
    description: str = ""


class BulkActionPage(Page):
    """Pages of a model whose rows can be selected: the list leads to a form, and the form calls the verb."""

    def selection_url(self, name: str, ids: Iterable[UUID]) -> str:
        """The URL of an action for these rows: `?id=...&id=...`."""
        query = QueryDict(mutable=True)
        query.setlist("id", [str(each) for each in ids])
        return f"{self.url_of(name)}?{query.urlencode()}"

    def action_checkbox(self, obj: Any) -> SafeString:
        """The box that selects a row; the stock one shows untrusted text of the row as it is."""
        return format_html(
            '<input type="checkbox" name="{}" value="{}" class="action-select" aria-label="Pick {}">',
            ACTION_CHECKBOX_NAME,
            obj.pk,
            visible(self.label_of(obj)),
        )

    def to_selected(self, request: HttpRequest, name: str, rows: QuerySet[Any]) -> HttpResponse:
        """Redirect from the list to the form of an action; more than AT_ONCE rows are refused."""
        ids = list(rows.values_list("pk", flat=True)[: AT_ONCE + 1])
        if len(ids) > AT_ONCE:
            messages.error(request, TOO_MANY)
            return redirect(request.get_full_path())
        return redirect(self.selection_url(name, ids))

    def label_of(self, row: Any) -> str:
        """The name of a row in messages."""
        return str(row)

    def bulk_page(self, request: HttpRequest, form: forms.Form, action: BulkAction) -> HttpResponse:
        """Show a form, then call the verb on one row after the other; each result becomes a message.

        The form comes back for refused rows, with what was typed. Raises NotFound if there is no row.
        """
        rows, status = self._selected(request), 200
        self.prepare(request, rows)
        if request.method == "POST":
            status = 422
            if form.is_valid():
                refused = self._run(request, rows, action, form.cleaned_data)
                if not refused:
                    return redirect(self.url_of("changelist"))
                rows, status = [row for row, _ in refused], refused[0][1].status
        noun = self.opts.verbose_name if len(rows) == 1 else self.opts.verbose_name_plural
        context = {
            "form": form,
            "title": f"{action.label} {len(rows)} {noun}",
            "button": action.label,
            "description": action.description,
            "subjects": [
                (visible(self.label_of(row))[:LONGEST_LABEL], self.url_of("change", row.pk))
                for row in rows
            ],
            "hidden": [("id", row.pk) for row in rows],
            "back": self.url_of("changelist"),
        }
        return self.render(request, "admin/action.html", context, status)

    def _run(
        self, request: HttpRequest, rows: list[Any], action: BulkAction, typed: dict[str, Any]
    ) -> list[tuple[Any, ApprovalsError]]:
        refused = []
        for row in rows:
            label = visible(self.label_of(row))
            try:
                done = action.verb(row, typed)
            except ApprovalsError as error:
                refused.append((row, error))
                messages.error(request, f"{label}: {error.message}{_other_user(error)}")
            else:
                said = done if isinstance(done, str) and done else action.done
                messages.success(request, f"{label}: {said}.")
        return refused

    def _selected(self, request: HttpRequest) -> list[Any]:
        """The rows of the request that this user may see, in its order; more than AT_ONCE are a 400."""
        named = (request.POST if request.method == "POST" else request.GET).getlist("id")
        try:
            wanted = [UUID(each) for each in dict.fromkeys(named)]
        except ValueError:
            raise NotFound from None
        if len(wanted) > AT_ONCE:
            raise SuspiciousOperation(TOO_MANY)
        rows = self.get_queryset(request).in_bulk(wanted)
        if not rows:
            raise NotFound
        return [rows[key] for key in dict.fromkeys(wanted) if key in rows]


def _other_user(error: ApprovalsError) -> str:
    """The user whose claim or decision caused the refusal, in parentheses; empty if there is none."""
    other = error.extra.get("by") or error.extra.get("assignee")
    return f" ({other})" if other else ""
