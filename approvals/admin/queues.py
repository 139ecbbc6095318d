"""Queues: their settings, the history of changes, and the last check of the connection to AWS."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern

from approvals.actions import queues
from approvals.admin import formatting
from approvals.admin.fields import DocumentField, empty_form, form_data
from approvals.admin.pages import Page, Tool, row_or_404
from approvals.admin.permissions import actor
from approvals.exceptions import StaleVersion
from approvals.models import QueueCheck, QueueMembership, ReviewQueue
from approvals.records import review_queues
from approvals.untrusted.display import visible

SETTINGS = (
    "name", "sqs_url", "region", "role_arn", "state_machine_arns", "timeout_seconds",
    "at_deadline", "heartbeat_seconds", "lease_seconds", "undo_seconds", "reject_as", "error_name",
    "escalate_to", "fields", "output_schema", "policy", "message_map", "pointer_buckets",
    "probe_with_heartbeats", "reason_codes", "allow_bulk",
)  # fmt: skip


class QueueForm(forms.ModelForm):  # type: ignore[type-arg]
    """All settings of a queue. The model validates them here, and again in the verb that stores them."""

    sqs_url = forms.URLField(label="SQS URL", max_length=500, assume_scheme="https")
    state_machine_arns = DocumentField(
        empty=[], label="State machines", help_text="A list of ARNs; empty admits all."
    )
    fields = DocumentField(  # type: ignore[assignment]  # the column of that name, not the form's
        empty=[],
        help_text='What JSON paths mean: [{"path": "input.total", "label": "Total", "kind":'
        ' "money", "role": "amount"}].',
    )
    output_schema = DocumentField(
        empty=None, help_text="JSON Schema of the edits a reviewer may send; empty takes none."
    )
    message_map = DocumentField(
        empty={},
        help_text='Where messages hold their fields: {"token": "$.callback.id"}. Also reference, title,'
        " deadline, execution.",
    )
    pointer_buckets = DocumentField(
        empty=[], help_text="A list of the S3 buckets to which messages may point."
    )
    policy = DocumentField(empty={}, help_text='For example {"reason_required_for": ["rejected"]}.')

    reason_codes = DocumentField(
        empty=[],
        help_text='What reviewers choose from: [{"code": "fraud", "label": "Fraud", "template":'
        ' "The card is stolen.", "outcomes": ["rejected"]}].',
    )

    class Meta:
        model = ReviewQueue
        fields = ("slug", *SETTINGS)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        named: Any = self.fields  # the form's own dictionary, whatever the class calls `fields`
        if not self.instance._state.adding:
            named["slug"].disabled = True
            others = ReviewQueue.objects.exclude(pk=self.instance.pk)
            named["escalate_to"].queryset = others.order_by("name")

    def changes(self) -> dict[str, Any]:
        """The settings that were changed in the form, with their values."""
        changed = SETTINGS if self.instance._state.adding else self.changed_data
        return {name: self.cleaned_data[name] for name in changed if name != "slug"}


class Queues(Page):
    """The queues and their settings."""

    list_display = ("name", "slug", "enabled", "region", "sqs_url", "checked")
    list_filter = ("enabled",)
    list_select_related = ("check_result",)
    ordering = ("name", "pk")
    add_label = "Add queue"
    row_fields = (
        "slug", "enabled", "allow_bulk", *SETTINGS[:4], "state_machines", *SETTINGS[5:13], "documents",
        "created_at",
    )  # fmt: skip
    chain = "queue"

    def action_urls(self) -> list[URLPattern]:
        """Add, change, enable or disable, check the connection."""
        return [
            self.action_url("add/", self.new, "new"),
            self.action_url("<uuid:key>/edit/", self.edit, "edit"),
            self.action_url("<uuid:key>/switch/", self.switch, "switch"),
            self.action_url("<uuid:key>/check/", self.check_connection, "check"),
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
        members = QueueMembership.objects.filter(queue=row).select_related("user", "group")
        return {
            "unused": [visible(setting) for setting in row.unused_settings()],
            "check": QueueCheck.objects.filter(queue=row).first(),
            "memberships": members.order_by("role", "pk")[:200],
        }

    def checked(self, queue: ReviewQueue) -> str:
        """How long ago its connection was checked."""
        found: QueueCheck | None = getattr(queue, "check_result", None)
        return formatting.age(found.checked_at if found else None)

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
        hidden = [] if adding else [("seen", review_queues.settings_version(key))]
        expected = None if adding else _seen(request, hidden[0][1])

        def run(cleaned: dict[str, Any]) -> HttpResponse:
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

        return self.form_page(request, form, run, button="Save", hidden=hidden, **context)


def _seen(request: HttpRequest, now: int) -> int:
    """The version of the settings that the form was made of; -1 for a value that is no number."""
    try:
        return int(request.POST.get("seen", now))
    except ValueError:
        return -1


def _queue(key: Any) -> ReviewQueue:
    return row_or_404(ReviewQueue.objects.all(), key)
