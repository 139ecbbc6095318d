"""Queues: what each is set to, who changed that, and what AWS last said of it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern

from approvals.actions import queues
from approvals.admin import formatting
from approvals.admin.fields import DocumentField, posted, sure
from approvals.admin.pages import Page, Tool
from approvals.admin.rights import actor, ensure_operator, rights
from approvals.exceptions import NotFound, StaleVersion
from approvals.models import QueueCheck, QueueMembership, ReviewQueue
from approvals.untrusted.display import visible

SETTINGS = (
    "name", "sqs_url", "region", "role_arn", "state_machine_arns", "timeout_seconds",
    "at_deadline", "heartbeat_seconds", "lease_seconds", "undo_seconds", "reject_as", "error_name",
    "escalate_to", "fields", "output_schema", "policy",
)  # fmt: skip


class QueueForm(forms.ModelForm):  # type: ignore[type-arg]
    """All settings of a queue. The model judges them here, and again in the verb that stores them."""

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
    policy = DocumentField(empty={}, help_text='For example {"reason_required_for": ["rejected"]}.')

    class Meta:
        model = ReviewQueue
        fields = ("slug", *SETTINGS)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        named: Any = self.fields  # the form's own dictionary, whatever the class calls `fields`
        if not self.instance._state.adding:  # noqa: SLF001  (Django documents it)
            named["slug"].disabled = True
            others = ReviewQueue.objects.exclude(pk=self.instance.pk)
            named["escalate_to"].queryset = others.order_by("name")

    def changes(self) -> dict[str, Any]:
        """What was changed on the page."""
        changed = SETTINGS if self.instance._state.adding else self.changed_data  # noqa: SLF001
        return {name: self.cleaned_data[name] for name in changed if name != "slug"}


class Queues(Page):
    """The queues and their settings."""

    list_display = ("name", "slug", "enabled", "region", "sqs_url", "checked")
    list_filter = ("enabled",)
    list_select_related = ("check_result",)
    ordering = ("name", "pk")
    shows = ("slug", "enabled", *SETTINGS[:4], "state_machines", *SETTINGS[5:13], "documents",
             "created_at")  # fmt: skip
    chain = "queue"

    def doors(self) -> list[URLPattern]:
        """Add, change, switch, check."""
        return [
            self.door("add/", self.new, "new"),
            self.door("<uuid:key>/edit/", self.edit, "edit"),
            self.door("<uuid:key>/switch/", self.switch, "switch"),
            self.door("<uuid:key>/check/", self.check_connection, "check"),
        ]

    def list_tools(self, request: HttpRequest) -> list[Tool]:
        """Operators add queues."""
        return [self.tool("Add queue", "new")] if rights(request).operates else []

    def tools(self, request: HttpRequest, row: Any) -> list[Tool]:
        """What operators do with a queue."""
        if not rights(request).operates:
            return []
        return [
            self.tool("Change settings", "edit", row.pk),
            self.tool("Disable" if row.enabled else "Enable", "switch", row.pk),
            self.tool("Check connection", "check", row.pk),
        ]

    def below(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Settings that nothing reads yet, what AWS last answered, and the roles."""
        members = QueueMembership.objects.filter(queue=row).select_related("user", "group")
        return {
            "unused": [visible(setting) for setting in row.unused_settings()],
            "check": QueueCheck.objects.filter(queue=row).first(),
            "memberships": members.order_by("role", "pk")[:200],
        }

    def checked(self, queue: ReviewQueue) -> str:
        """How long ago AWS was asked."""
        found: QueueCheck | None = getattr(queue, "check_result", None)
        return formatting.age(found.checked_at if found else None)

    def state_machines(self, queue: ReviewQueue) -> str:
        """The ARNs this queue admits."""
        return formatting.block("\n".join(queue.state_machine_arns) or "all")

    def documents(self, queue: ReviewQueue) -> str:
        """Fields, output schema and policy, as JSON."""
        names = ("fields", "output_schema", "policy")
        return formatting.block(formatting.document({name: getattr(queue, name) for name in names}))

    def new(self, request: HttpRequest) -> HttpResponse:
        """Add a queue."""
        ensure_operator(request)
        back = self.address("changelist")
        return self._save(request, QueueForm(posted(request)), title="Add queue", back=back)

    def edit(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Change a queue's settings."""
        ensure_operator(request)
        queue = _queue(key)
        form = QueueForm(posted(request), instance=queue)
        back = self.address("change", key)
        return self._save(request, form, title=f"Change settings of {queue.name}", back=back)

    def switch(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Enable or disable a queue."""
        ensure_operator(request)
        queue = _queue(key)
        on = not queue.enabled

        def act(_: dict[str, Any]) -> HttpResponse:
            wanted = request.POST.get("enabled") == "yes"
            queues.save(queue.slug, {"enabled": wanted}, by=actor(request))
            messages.success(request, f"{queue.name} is {'enabled' if wanted else 'disabled'}.")
            return redirect(self.address("change", key))

        return self.ask(
            request,
            sure(request),
            act,
            title=f"{'Enable' if on else 'Disable'} {queue.name}",
            button="Enable" if on else "Disable",
            hidden=[("enabled", "yes" if on else "no")],
            says="Its messages are received again."
            if on
            else "Its messages stay in SQS until it is enabled. Reviews that are here can still be"
            " decided.",
            back=self.address("change", key),
        )

    def check_connection(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Have a worker ask AWS; this process never does."""
        ensure_operator(request)
        queue = _queue(key)

        def act(_: dict[str, Any]) -> HttpResponse:
            queues.ask_check(key, by=actor(request))
            messages.success(request, "A worker is asking AWS; reload for its answer.")
            return redirect(self.address("change", key))

        return self.ask(
            request,
            sure(request),
            act,
            title=f"Check the connection of {queue.name}",
            button="Check",
            says="A worker asks AWS about this queue: whether it is there, of which kind, and"
            " whether this service may read it. The answer is shown on the queue's page.",
            back=self.address("change", key),
        )

    def _save(self, request: HttpRequest, form: QueueForm, **shown: Any) -> HttpResponse:
        """Save what was changed. The page says which settings it has seen: an older one is asked again."""
        adding = form.instance._state.adding  # noqa: SLF001  (Django documents it)
        key = form.instance.pk
        hidden = [] if adding else [("seen", queues.settings_version(key))]
        expected = None if adding else _seen(request, hidden[0][1])

        def act(cleaned: dict[str, Any]) -> HttpResponse:
            try:
                queue, _ = queues.save(
                    cleaned["slug"],
                    form.changes(),
                    by=actor(request),
                    expected=expected,
                )
            except StaleVersion as error:
                hidden[:] = [("seen", queues.settings_version(key))]
                raise StaleVersion(
                    f"{error.message} What you typed stands below; submit again to put it in"
                    " place of theirs."
                ) from error
            messages.success(request, f"{queue.name} is saved.")
            return redirect(self.address("change", queue.pk))

        return self.ask(request, form, act, button="Save", hidden=hidden, **shown)


def _seen(request: HttpRequest, now: int) -> int:
    """The version that the page was made of; what is no number was never one."""
    try:
        return int(request.POST.get("seen", now))
    except ValueError:
        return -1


def _queue(key: Any) -> ReviewQueue:
    queue = ReviewQueue.objects.filter(pk=key).first()
    if queue is None:
        raise NotFound
    return queue
