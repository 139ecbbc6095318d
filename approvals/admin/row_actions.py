"""A verb on several rows: one by one, each in its own transaction, so that one refusal stops nothing."""

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

AT_ONCE = 100  # rows on one page of a verb
TOO_MANY = f"Nothing was done: at most {AT_ONCE} are taken at once. Filter the list, or pick fewer."


@dataclass(frozen=True)
class Deed:
    """What is done to each row, and in which words: `Approve`, `approved`, and what that means."""

    verb: Callable[[Any, dict[str, Any]], Any]
    word: str
    done: str
    says: str = ""


class Several(Page):
    """A page group whose rows can be picked: an action leads to a door, and the door calls the verb."""

    def chosen(self, door: str, ids: Iterable[UUID]) -> str:
        """The address of a door for these rows: `?id=...&id=...`."""
        query = QueryDict(mutable=True)
        query.setlist("id", [str(each) for each in ids])
        return f"{self.address(door)}?{query.urlencode()}"

    def action_checkbox(self, obj: Any) -> SafeString:
        """The box that picks a row; the stock one says the row's name as strangers wrote it."""
        return format_html(
            '<input type="checkbox" name="{}" value="{}" class="action-select" aria-label="Pick {}">',
            ACTION_CHECKBOX_NAME,
            obj.pk,
            visible(self.called(obj)),
        )

    def picked(self, request: HttpRequest, door: str, rows: QuerySet[Any]) -> HttpResponse:
        """From the list to the door; nothing is done yet. Of too many, none is taken."""
        ids = list(rows.values_list("pk", flat=True)[: AT_ONCE + 1])
        if len(ids) > AT_ONCE:
            messages.error(request, TOO_MANY)
            return redirect(request.get_full_path())
        return redirect(self.chosen(door, ids))

    def called(self, row: Any) -> str:
        """What a message calls the row."""
        return str(row)

    def each(self, request: HttpRequest, form: forms.Form, deed: Deed) -> HttpResponse:
        """Ask, then call the verb on one row after the other; each result becomes a message.

        What was refused is asked again, with what was typed. Raises NotFound where no row is left.
        """
        rows, status = self._asked(request), 200
        if request.method == "POST":
            status = 422
            if form.is_valid():
                refused = self._run(request, rows, deed, form.cleaned_data)
                if not refused:
                    return redirect(self.address("changelist"))
                rows, status = [row for row, _ in refused], refused[0][1].status
        many = self.opts.verbose_name if len(rows) == 1 else self.opts.verbose_name_plural
        shown = {
            "form": form,
            "title": f"{deed.word} {len(rows)} {many}",
            "button": deed.word,
            "says": deed.says,
            "subjects": [
                (visible(self.called(row)), self.address("change", row.pk)) for row in rows
            ],
            "hidden": [("id", row.pk) for row in rows],
            "back": self.address("changelist"),
        }
        return self.render(request, "admin/action_form.html", shown, status)

    def _run(
        self, request: HttpRequest, rows: list[Any], deed: Deed, typed: dict[str, Any]
    ) -> list[tuple[Any, ApprovalsError]]:
        refused = []
        for row in rows:
            called = visible(self.called(row))
            try:
                deed.verb(row, typed)
            except ApprovalsError as error:
                refused.append((row, error))
                messages.error(request, f"{called}: {error.message}{_who(error)}")
            else:
                messages.success(request, f"{called}: {deed.done}.")
        return refused

    def _asked(self, request: HttpRequest) -> list[Any]:
        """The rows the request names that this person may see, in its order; more than a page is 400."""
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


def _who(error: ApprovalsError) -> str:
    """Whose claim or decision was in the way."""
    other = error.extra.get("by") or error.extra.get("assignee")
    return f" ({other})" if other else ""
