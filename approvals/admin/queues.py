"""Queues: their settings, the history of changes, and the last check of the connection to AWS."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern

from approvals.actions import queues
from approvals.admin import formatting
from approvals.admin.action_pages import Tool, row_or_404
from approvals.admin.fields import empty_form, form_data
from approvals.admin.pages import Page
from approvals.admin.permissions import actor
from approvals.admin.queue_form import SETTINGS, QueueForm
from approvals.exceptions import StaleVersion
from approvals.models import ConnectionCheck, QueueCheck, QueueMembership, ReviewQueue, ReviewTask
from approvals.records import review_queues
from approvals.untrusted.display import visible

CHECK = ("check", "Check connection")  # name and label of the form's second button


class Queues(Page):
    """The queues and their settings."""

    list_display = ("name", "slug", "enabled", "oldest_open", "region", "sqs_url", "checked")
    empty = "No queue yet: add the first one, or use the command register_queue."
    list_filter = ("enabled",)
    list_select_related = ("check_result",)
    ordering = ("name", "pk")
    add_label = "Add queue"
    row_fields = (
        "slug", "enabled", "allow_bulk", *SETTINGS[:4], "state_machines", *SETTINGS[5:13], "documents",
        formatting.when("created_at", "made"),
    )  # fmt: skip
    chain = "queue"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReviewQueue]:
        """Queues, in a list with the arrival of their oldest open review."""
        if self.is_row(request):
            return ReviewQueue.objects.all()
        here = ReviewTask.objects.pending().filter(queue=OuterRef("pk")).order_by("received_at")
        return ReviewQueue.objects.annotate(oldest_at=Subquery(here.values("received_at")[:1]))

    def action_urls(self) -> list[URLPattern]:
        """Add, change, enable or disable, check the connection."""
        return [
            self.action_url("add/", self.new, "new"),
            self.action_url("<uuid:key>/edit/", self.edit, "edit"),
            self.action_url("<uuid:key>/switch/", self.switch, "switch"),
            self.action_url("<uuid:key>/check/", self.check_connection, "check"),
            self.action_url("connection/", self.connection, "connection"),
        ]

    def operator_tools(self, row: Any) -> list[Tool]:
        """Change, enable or disable, check the connection."""
        return [
            self.tool("Change settings", "edit", row.pk),
            self.tool("Disable" if row.enabled else "Enable", "switch", row.pk),
            self.tool("Check connection", "check", row.pk),
        ]

    def related(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Settings without effect, the result of the last check, and the memberships."""
        members = QueueMembership.objects.filter(queue=row).select_related("user", "group", "queue")
        return {
            "unused": [visible(setting) for setting in row.unused_settings()],
            "check": QueueCheck.objects.filter(queue=row).first(),
            "memberships": members.order_by("role", "pk")[:200],
        }

    def checked(self, queue: ReviewQueue) -> str:
        """How long ago its connection was checked."""
        found: QueueCheck | None = getattr(queue, "check_result", None)
        return formatting.age(found.checked_at if found else None)

    @admin.display(description="oldest open review")
    def oldest_open(self, queue: ReviewQueue) -> str:
        """How long its oldest open review has waited."""
        at = getattr(queue, "oldest_at", None)
        return formatting.age(at) if at else "none open"

    def state_machines(self, queue: ReviewQueue) -> str:
        """The ARNs of the state machines whose messages it takes."""
        return formatting.block("\n".join(queue.state_machine_arns) or "all")

    def documents(self, queue: ReviewQueue) -> str:
        """Fields, output schema, policy, map of messages, buckets and reason codes, as JSON."""
        names = (
            "fields",
            "output_schema",
            "policy",
            "message_map",
            "pointer_buckets",
            "reason_codes",
        )
        return formatting.block(formatting.document({name: getattr(queue, name) for name in names}))

    def new(self, request: HttpRequest) -> HttpResponse:
        """Add a queue."""
        back = self.url_of("changelist")
        return self._save(request, QueueForm(form_data(request)), title="Add queue", back=back)

    def edit(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Change a queue's settings."""
        queue = _queue(key)
        form = QueueForm(form_data(request), instance=queue)
        back = self.url_of("change", key)
        return self._save(request, form, title=f"Change settings of {queue.name}", back=back)

    def switch(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Enable or disable a queue."""
        queue = _queue(key)
        on = not queue.enabled

        def run(_: dict[str, Any]) -> HttpResponse:
            wanted = request.POST.get("enabled") == "yes"
            queues.save(queue.slug, {"enabled": wanted}, by=actor(request))
            messages.success(request, f"{queue.name} is {'enabled' if wanted else 'disabled'}.")
            return redirect(self.url_of("change", key))

        return self.form_page(
            request,
            empty_form(request),
            run,
            title=f"{'Enable' if on else 'Disable'} {queue.name}",
            button="Enable" if on else "Disable",
            hidden=[("enabled", "yes" if on else "no")],
            description="Its messages are received again."
            if on
            else "Its messages stay in SQS until it is enabled. Reviews that are here can still be"
            " decided.",
            back=self.url_of("change", key),
        )

    def check_connection(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Ask for a check of the connection, which a worker makes; this process never calls AWS."""
        queue = _queue(key)
        return self.confirm_page(
            request,
            key,
            partial(queues.ask_check, key, by=actor(request)),
            done="A worker is asking AWS; reload for its answer.",
            title=f"Check the connection of {queue.name}",
            button="Check",
            description="A worker asks AWS about this queue: whether it is there, of which kind, and"
            " whether this service may read it. The answer is shown on the queue's page.",
        )

    def _save(self, request: HttpRequest, form: QueueForm, **context: Any) -> HttpResponse:
        """Save what was changed. A form made of older settings than the stored ones is shown again."""
        adding = form.instance._state.adding
        key = form.instance.pk
        stored = None if adding else review_queues.settings_version(key)
        hidden = [] if adding else [("seen", request.POST.get("seen", stored))]
        expected = None if stored is None else _seen(request, stored)

        def run(cleaned: dict[str, Any]) -> HttpResponse:
            if "check" in request.POST:
                return self._checked(request, form, hidden, **context)
            try:
                queue, _ = queues.save(
                    cleaned["slug"],
                    form.changes(),
                    by=actor(request),
                    expected=expected,
                )
            except StaleVersion as error:
                hidden[:] = [("seen", review_queues.settings_version(key))]
                raise StaleVersion(
                    f"{error.message} What you typed stands below; submit again to put it in"
                    " place of theirs."
                ) from error
            messages.success(request, f"{queue.name} is saved.")
            return redirect(self.url_of("change", queue.pk))

        context |= {"sections": form.sections(), "button": "Save", "second_button": CHECK}
        return self.form_page(request, form, run, hidden=hidden, **context)

    def _checked(
        self, request: HttpRequest, form: QueueForm, hidden: list[Any], **context: Any
    ) -> HttpResponse:
        """The form as it was typed, with what AWS says of it: at first that a worker has been asked."""
        settings, person = form.checked_settings(), actor(request).user
        check = ConnectionCheck.objects.filter(asked_by=person).first()
        is_same = check is not None and check.settings == settings
        if not is_same or request.POST.get("asked") != _asked(check):
            check = queues.ask_unsaved_check(settings, by=actor(request))
        context |= {
            "form": form,
            "unsaved_check": check,
            "hidden": [*hidden, ("asked", _asked(check))],
        }
        return self.render(request, "admin/action.html", context, 200)

    def connection(self, request: HttpRequest) -> HttpResponse:
        """The part of the form's page that says what AWS has answered; a script asks for it every second."""
        check = ConnectionCheck.objects.filter(asked_by=actor(request).user).first()
        return self.render(request, "admin/_connection.html", {"unsaved_check": check}, 200)


def _asked(check: ConnectionCheck | None) -> str:
    """When a check was asked for, as the form keeps it: the same settings again show its answer."""
    return check.asked_at.isoformat() if check else ""


def _seen(request: HttpRequest, now: int) -> int:
    """The version of the settings that the form was made of; -1 for a value that is no number."""
    try:
        return int(request.POST.get("seen", now))
    except ValueError:
        return -1


def _queue(key: Any) -> ReviewQueue:
    return row_or_404(ReviewQueue.objects.all(), key)
