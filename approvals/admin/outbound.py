"""The outbox with its journal of attempts, and the orders that were started."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html

from approvals.actions import redelivery
from approvals.admin import formatting, subjects
from approvals.admin.action_pages import Tool, row_or_404
from approvals.admin.bulk_action_page import BulkAction, BulkActionPage
from approvals.admin.fields import empty_form
from approvals.admin.pages import Page
from approvals.admin.permissions import Permissions, actor, permissions
from approvals.admin.subjects import Subject
from approvals.models import OrderExecution, OutboxEntry
from approvals.untrusted.display import indented_json, visible
from approvals.untrusted.redaction import redact_json

State = OutboxEntry.State
KINDS = {
    OutboxEntry.Kind.CALLBACK: "answer to Step Functions",
    OutboxEntry.Kind.START: "start of an order's execution",
    OutboxEntry.Kind.START_BATCH: "start of a batch execution",
}

AGAIN = (
    "Mend the cause first. Nothing happens twice: a step that is closed refuses a second answer, and an"
    " execution of this name exists once."
)


class Outbox(BulkActionPage):
    """Outbox entries and their attempts; payloads are not shown."""

    actions = ("requeue_selected",)
    list_display = (
        "what", "about_link", "of_queue", "detail_in_words", "attempts",
        formatting.ago("created_at", "made"), "next_try", formatting.ago("ended_at", "ended"),
    )  # fmt: skip
    list_display_links = ("what",)
    list_filter = ("lane", "state")
    search_fields = ("subject",)
    search_help_text = "The id of an entry, or of the decision or order behind it."
    ordering = ("-id",)  # ids are made in the order of time
    row_fields = (
        "what", "about", "detail_in_words", "attempts", formatting.when("created_at", "made"),
        formatting.when("not_before", "not sent before"), formatting.when("lease_until"),
        formatting.when("ended_at", "ended"), "id", "lane", "kind", "state", "detail",
    )  # fmt: skip
    empty = "Nothing has been sent to AWS yet: decisions and starts of executions appear here."

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboxEntry]:
        """Entries without their payloads."""
        return OutboxEntry.objects.defer("payload")

    def prepare(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """What each entry is about."""
        found = subjects.of_entries(request, rows)
        for row in rows:
            row.subject_shown = found.get(row.subject, subjects.UNKNOWN)

    def search(self, rows: QuerySet[OutboxEntry], term: str) -> QuerySet[OutboxEntry]:
        """The entries with this id or with a subject of this id."""
        try:
            key = UUID(term)
        except ValueError:
            return rows.none()
        kinds = OutboxEntry.Kind.values  # (kind, subject) is the index
        return rows.filter(pk=key) | rows.filter(kind__in=kinds, subject=key)

    def action_urls(self) -> list[URLPattern]:
        """Send parked entries again; the query of the page for several names them: `?id=...&id=...`."""
        return [
            self.action_url("requeue/", self.requeue_many, "requeue_many"),
            self.action_url("<uuid:key>/requeue/", self.requeue, "requeue"),
        ]

    def get_actions(self, request: HttpRequest) -> Any:
        """Actions are for operators alone."""
        return super().get_actions(request) if permissions(request).operates else {}

    @admin.action(description="Send again…")
    def requeue_selected(self, request: HttpRequest, rows: QuerySet[OutboxEntry]) -> HttpResponse:
        """Go to the page that asks for confirmation; nothing is done yet."""
        return self.to_selected(request, "requeue_many", rows)

    def label_of(self, row: Any) -> str:
        """What it is, and the reference that it is about."""
        about: Subject = getattr(row, "subject_shown", subjects.UNKNOWN)
        return f"{self.what(row)} {about.label}".strip()

    def operator_tools(self, row: Any) -> list[Tool]:
        """Send again, if the entry is parked."""
        parked = row.state == OutboxEntry.State.PARKED
        return [self.tool("Send again", "requeue", row.pk)] if parked else []

    def related(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """The journal, and the newest events of the chain on which a requeue is recorded."""
        self.prepare(request, [row])
        chain = row.subject_shown.chain
        journal: dict[str, Any] = {"attempts": row.journal.order_by("-number")[: formatting.NEWEST]}
        return journal | ({"chain": chain, "events": formatting.events(chain)} if chain else {})

    # --- columns

    def what(self, entry: OutboxEntry) -> str:
        """What is sent: such as the answer to a task token, or the start of an execution."""
        return KINDS.get(OutboxEntry.Kind(entry.kind), f"{entry.kind} of an execution")

    @admin.display(description="about")
    def about_link(self, entry: OutboxEntry) -> str:
        """The reference of its review or the id of its order, with a link."""
        subject: Subject = getattr(entry, "subject_shown", subjects.UNKNOWN)
        return subject.link if subject.kind else str(entry.subject)

    @admin.display(description="queue")
    def of_queue(self, entry: OutboxEntry) -> str:
        """The queue of its review."""
        return visible(getattr(entry, "subject_shown", subjects.UNKNOWN).queue) or "-"

    @admin.display(description="state")
    def detail_in_words(self, entry: OutboxEntry) -> str:
        """Its state, and why it has it."""
        return formatting.two_lines(entry.state, entry.detail.replace("_", " "))

    @admin.display(description="next try")
    def next_try(self, entry: OutboxEntry) -> str:
        """When it is sent next, while it waits."""
        return formatting.age(entry.not_before) if entry.state == State.WAITING else "-"

    def about(self, entry: OutboxEntry) -> str:
        """The chain of its review or order, or the id of its subject, beside its name."""
        named = getattr(entry, "subject_shown", subjects.UNKNOWN)
        return formatting.two_lines(named.link, named.chain) if named.kind else str(entry.subject)

    def requeue(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Requeue a parked entry."""
        entry = row_or_404(self.get_queryset(request), key)
        return self.confirm_page(
            request,
            key,
            partial(redelivery.requeue, key, by=actor(request)),
            done="It is in line again.",
            title=f"Send again: {entry.kind}, parked as {entry.detail.replace('_', ' ')}",
            button="Send again",
            description=AGAIN,
        )

    def requeue_many(self, request: HttpRequest) -> HttpResponse:
        """Requeue parked entries, one after the other."""

        def verb(row: OutboxEntry, _: dict[str, Any]) -> None:
            redelivery.requeue(row.pk, by=actor(request))

        action = BulkAction(verb, "Send again", "in line again", AGAIN)
        return self.bulk_page(request, empty_form(request), action)


class Orders(Page):
    """Orders, one row for each attempt."""

    list_display = (
        formatting.text("order_id"), "attempt", "status", "why", "created_by",
        formatting.ago("created_at", "accepted"), formatting.ago("started_at", "started"),
        formatting.ago("ended_at", "ended"), "desk",
    )  # fmt: skip
    list_filter = ("status",)
    list_select_related = ("created_by",)
    search_fields = ("order_id",)
    search_help_text = "A whole order id."
    ordering = ("-created_at", "-id")
    row_fields = (
        "id", "order_id", "attempt", "status", "refusal", "name", "state_machine_arn",
        "qualifier", "execution_arn", "created_by", formatting.when("created_at", "accepted"),
        formatting.when("started_at", "started"), formatting.when("ended_at", "ended"), "error",
        "cause", "entry", "handed_over",
    )  # fmt: skip
    chain = "order"
    empty = "No order has come yet: they are started over the API, or by the command start_order."

    def may_view(self, granted: Permissions) -> bool:
        """Whether they may see orders."""
        return granted.sees_orders

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderExecution]:
        """All orders; a list reads no inputs."""
        rows = OrderExecution.objects.all()
        return rows if self.is_row(request) else rows.defer("input", "cause")

    def search(self, rows: QuerySet[OrderExecution], term: str) -> QuerySet[OrderExecution]:
        """The attempts at the order with this id."""
        return rows.filter(order_id=term)

    @admin.display(description="error")
    def why(self, order: OrderExecution) -> str:
        """Why it failed, or why Step Functions refused it."""
        return visible(order.error or order.refusal)[:80] or "-"

    @admin.display(description="page")
    def desk(self, order: OrderExecution) -> str:
        """A link to its page, with its execution and what can be done."""
        return format_html('<a href="{}">Open</a>', reverse("attempt", args=[order.pk]))

    def entry(self, order: OrderExecution) -> str:
        """The state of the outbox entry that starts it."""
        found = OutboxEntry.objects.filter(kind=OutboxEntry.Kind.START, subject=order.pk).first()
        return f"{found.state} / {found.detail}" if found else "none"

    @admin.display(description="input")
    def handed_over(self, order: OrderExecution) -> str:
        """The input of its execution, with everything that may be a task token redacted."""
        return formatting.block(indented_json(redact_json(json.loads(order.input)))[0])
