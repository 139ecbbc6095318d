"""What leaves for AWS: the outbox with its journal of attempts, and the orders that were started."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern

from approvals.actions import redelivery
from approvals.admin import formatting
from approvals.admin.fields import sure
from approvals.admin.pages import Page, Tool
from approvals.admin.rights import Rights, actor, ensure_operator, rights
from approvals.exceptions import NotFound
from approvals.models import Decision, OrderExecution, OrderIntervention, OutboxEntry
from approvals.untrusted.redaction import redact_json


class Outbox(Page):
    """Entries and their attempts. What they carry is frozen, and stays out of sight."""

    list_display = ("id", "lane", "kind", "state", "detail", "attempts", "not_before", "ended_at")
    list_filter = ("lane", "state")
    search_fields = ("subject",)
    search_help_text = "The id of an entry, or of the decision or order behind it."
    ordering = ("-id",)  # ids are made in the order of time
    shows = ("id", "lane", "kind", "about", "state", "detail", "attempts", "created_at",
             "not_before", "lease_until", "ended_at")  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboxEntry]:
        """Entries without what they carry."""
        return OutboxEntry.objects.defer("payload")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[OutboxEntry], search_term: str
    ) -> tuple[QuerySet[OutboxEntry], bool]:
        """By the entry's id or its subject's."""
        if not search_term.strip():
            return queryset, False
        try:
            key = UUID(search_term.strip())
        except ValueError:
            return queryset.none(), False
        kinds = OutboxEntry.Kind.values  # (kind, subject) is the index
        subject = queryset.filter(kind__in=kinds, subject=key)
        return queryset.filter(pk=key) | subject, False

    def doors(self) -> list[URLPattern]:
        """Send again."""
        return [self.door("<uuid:key>/requeue/", self.requeue, "requeue")]

    def tools(self, request: HttpRequest, row: Any) -> list[Tool]:
        """Operators send what is parked again."""
        parked = row.state == OutboxEntry.State.PARKED
        return (
            [self.tool("Send again", "requeue", row.pk)]
            if parked and rights(request).operates
            else []
        )

    def below(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """The journal, and the chain where sending it again is audited."""
        chain = _chain(row)
        journal: dict[str, Any] = {"attempts": row.journal.order_by("-number")[: formatting.NEWEST]}
        return journal | ({"chain": chain, "events": formatting.events(chain)} if chain else {})

    def about(self, entry: OutboxEntry) -> str:
        """The review or the order it speaks of."""
        return _chain(entry) or str(entry.subject)

    def requeue(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Put a parked entry back in line."""
        ensure_operator(request)
        entry = OutboxEntry.objects.defer("payload").filter(pk=key).first()
        if entry is None:
            raise NotFound

        def act(_: dict[str, Any]) -> HttpResponse:
            redelivery.requeue(key, by=actor(request))
            messages.success(request, "It is in line again.")
            return redirect(self.address("change", key))

        return self.ask(
            request,
            sure(request),
            act,
            title=f"Send again: {entry.kind}, parked as {entry.detail.replace('_', ' ')}",
            button="Send again",
            says="Mend the cause first. Nothing happens twice: a step that is closed refuses a second"
            " answer, and an execution of this name exists once.",
            back=self.address("change", key),
        )


class Orders(Page):
    """Orders handed to Step Functions, one row for each attempt."""

    list_display = ("order_id", "attempt", "status", "name", "created_by", "created_at",
                    "started_at")  # fmt: skip
    list_filter = ("status",)
    list_select_related = ("created_by",)
    search_fields = ("order_id",)
    search_help_text = "A whole order id."
    ordering = ("-created_at", "-id")
    shows = ("id", "order_id", "attempt", "status", "refusal", "name", "state_machine_arn", "qualifier",
             "execution_arn", "created_by", "created_at", "started_at", "ended_at", "error", "cause",
             "entry", "handed_over")  # fmt: skip
    chain = "order"

    def sees(self, known: Rights) -> bool:
        """Whoever may see orders, if they enter at all."""
        return known.sees_orders

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[OrderExecution], search_term: str
    ) -> tuple[QuerySet[OrderExecution], bool]:
        """By the whole order id."""
        term = search_term.strip()
        return (queryset.filter(order_id=term) if term else queryset), False

    def entry(self, order: OrderExecution) -> str:
        """How its start stands."""
        found = OutboxEntry.objects.filter(kind=OutboxEntry.Kind.START, subject=order.pk).first()
        return f"{found.state} / {found.detail}" if found else "none"

    @admin.display(description="input")
    def handed_over(self, order: OrderExecution) -> str:
        """The execution's input, without what may be a task token."""
        return formatting.block(formatting.document(redact_json(json.loads(order.input))))


def _chain(entry: OutboxEntry) -> str | None:
    """The chain of the review or the order behind an entry."""
    if entry.kind == OutboxEntry.Kind.START:
        return f"order:{entry.subject}"
    if entry.kind == OutboxEntry.Kind.START_BATCH:
        return f"batch-execution:{entry.subject}"
    if entry.lane == OutboxEntry.Lane.EXECUTIONS:
        hand = OrderIntervention.objects.only("order").filter(pk=entry.subject).first()
        return f"order:{hand.order_id}" if hand else None
    if entry.lane == OutboxEntry.Lane.CALLBACKS:
        review = Decision.objects.values_list("review", flat=True).filter(pk=entry.subject).first()
        return f"review:{review}"
    return None
