"""The outbox with its journal of attempts, and the orders that were started."""

from __future__ import annotations

import json
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from approvals.actions import redelivery
from approvals.admin import formatting
from approvals.admin.pages import Page, Tool, row_or_404
from approvals.admin.permissions import Permissions, actor
from approvals.models import Decision, OrderExecution, OrderIntervention, OutboxEntry
from approvals.untrusted.display import indented_json
from approvals.untrusted.redaction import redact_json


class Outbox(Page):
    """Outbox entries and their attempts; payloads are not shown."""

    list_display = ("id", "lane", "kind", "state", "detail", "attempts", "not_before", "ended_at")
    list_filter = ("lane", "state")
    search_fields = ("subject",)
    search_help_text = "The id of an entry, or of the decision or order behind it."
    ordering = ("-id",)  # ids are made in the order of time
    row_fields = (
        "id", "lane", "kind", "about", "state", "detail", "attempts", "created_at", "not_before",
        "lease_until", "ended_at",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboxEntry]:
        """Entries without their payloads."""
        return OutboxEntry.objects.defer("payload")

    def search(self, rows: QuerySet[OutboxEntry], term: str) -> QuerySet[OutboxEntry]:
        """The entries with this id or with a subject of this id."""
        try:
            key = UUID(term)
        except ValueError:
            return rows.none()
        kinds = OutboxEntry.Kind.values  # (kind, subject) is the index
        return rows.filter(pk=key) | rows.filter(kind__in=kinds, subject=key)

    def action_urls(self) -> list[URLPattern]:
        """Send a parked entry again."""
        return [self.action_url("<uuid:key>/requeue/", self.requeue, "requeue")]

    def operator_tools(self, row: Any) -> list[Tool]:
        """Send again, if the entry is parked."""
        parked = row.state == OutboxEntry.State.PARKED
        return [self.tool("Send again", "requeue", row.pk)] if parked else []

    def related(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """The journal, and the newest events of the chain on which a requeue is recorded."""
        chain = _chain(row)
        journal: dict[str, Any] = {"attempts": row.journal.order_by("-number")[: formatting.NEWEST]}
        return journal | ({"chain": chain, "events": formatting.events(chain)} if chain else {})

    def about(self, entry: OutboxEntry) -> str:
        """The chain of its review or order, or the id of its subject."""
        return _chain(entry) or str(entry.subject)

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
            description="Mend the cause first. Nothing happens twice: a step that is closed refuses a second"
            " answer, and an execution of this name exists once.",
        )


class Orders(Page):
    """Orders, one row for each attempt."""

    list_display = (
        "order_id", "attempt", "status", "name", "created_by", "created_at", "started_at",
    )  # fmt: skip
    list_filter = ("status",)
    list_select_related = ("created_by",)
    search_fields = ("order_id",)
    search_help_text = "A whole order id."
    ordering = ("-created_at", "-id")
    row_fields = (
        "id", "order_id", "attempt", "status", "refusal", "name", "state_machine_arn",
        "qualifier", "execution_arn", "created_by", "created_at", "started_at", "ended_at",
        "error", "cause", "entry", "handed_over",
    )  # fmt: skip
    chain = "order"

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

    def entry(self, order: OrderExecution) -> str:
        """The state of the outbox entry that starts it."""
        found = OutboxEntry.objects.filter(kind=OutboxEntry.Kind.START, subject=order.pk).first()
        return f"{found.state} / {found.detail}" if found else "none"

    @admin.display(description="input")
    def handed_over(self, order: OrderExecution) -> str:
        """The input of its execution, with everything that may be a task token redacted."""
        return formatting.block(indented_json(redact_json(json.loads(order.input)))[0])


def _chain(entry: OutboxEntry) -> str | None:
    """The chain of the review or the order behind an entry."""
    if entry.kind == OutboxEntry.Kind.START:
        return f"order:{entry.subject}"
    if entry.kind == OutboxEntry.Kind.START_BATCH:
        return f"batch-execution:{entry.subject}"
    if entry.lane == OutboxEntry.Lane.EXECUTIONS:
        intervention = OrderIntervention.objects.only("order").filter(pk=entry.subject).first()
        return f"order:{intervention.order_id}" if intervention else None
    if entry.lane == OutboxEntry.Lane.CALLBACKS:
        review = Decision.objects.values_list("review", flat=True).filter(pk=entry.subject).first()
        return f"review:{review}"
    return None
