"""Quarantine on the admin site: messages that could not become a review; replay and discard."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from approvals.actions import quarantine
from approvals.admin import formatting
from approvals.admin.fields import posted, reason, sure
from approvals.admin.pages import Tool
from approvals.admin.rights import actor, ensure_operator, rights
from approvals.admin.row_actions import Deed, Several
from approvals.exceptions import KeyMissing
from approvals.models import QuarantinedMessage
from approvals.records.quarantine import redacted_body

LONGEST = 20_000  # characters of a body on the page


class WhyForm(forms.Form):
    """The reason for discarding messages."""

    reason = reason(required=True, limit=300)


class Ended(admin.SimpleListFilter):
    """Filter: whether a message waits, was replayed or was discarded."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The three states of a message."""
        return [("waiting", "waiting"), ("replayed", "replayed"), ("discarded", "discarded")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Messages in that state."""
        if self.value() == "waiting":
            return queryset.filter(replayed_at=None, discarded_at=None)
        if self.value() in {"replayed", "discarded"}:
            return queryset.filter(**{f"{self.value()}_at__isnull": False})
        return queryset


class Reason(admin.SimpleListFilter):
    """Filter: why a message could not become a review; offers the reasons of those that wait."""

    title = "reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The reasons, as intake names them."""
        waiting = QuarantinedMessage.objects.filter(replayed_at=None, discarded_at=None)
        reasons = waiting.order_by("reason").values_list("reason", flat=True).distinct()[:30]
        return [(reason, reason.replace("_", " ")) for reason in reasons]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Messages with that reason."""
        return queryset.filter(reason=self.value()) if self.value() else queryset


class Quarantine(Several):
    """Messages that could not become a review; a page shows them with every token redacted."""

    actions = ("replay_selected", "discard_selected")
    list_display = ("reason", formatting.text("explanation"), "queue", "origin", "raw_body_bytes", "received_at",
                    "state")  # fmt: skip
    list_filter = (Ended, Reason, "origin", "queue")
    list_select_related = ("queue", "replayed_by", "discarded_by")
    search_fields = ("sqs_message_id",)
    search_help_text = "An SQS message id, or the id of a quarantined message."
    ordering = ("-received_at", "-id")
    shows = ("id", "queue", "origin", "reason", formatting.text("explanation"), "sqs_message_id", "raw_body_bytes",
             "sent_at", "received_at", "state", "discard_reason", "body")  # fmt: skip
    chain = "quarantine"

    def get_queryset(self, request: HttpRequest) -> QuerySet[QuarantinedMessage]:
        """Messages without their bytes, which stay in the database."""
        return QuarantinedMessage.objects.defer("raw_body", "raw_body_sha256")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[QuarantinedMessage], search_term: str
    ) -> tuple[QuerySet[QuarantinedMessage], bool]:
        """Messages with this id or SQS message id."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(pk=UUID(term)) | queryset.filter(sqs_message_id=term), False
        except ValueError:
            return queryset.filter(sqs_message_id=term), False

    def doors(self) -> list[URLPattern]:
        """The pages for replay and discard; their query names the messages: `?id=...&id=...`."""
        return [
            self.door("replay/", self.replay, "replay"),
            self.door("discard/", self.discard, "discard"),
        ]

    def get_actions(self, request: HttpRequest) -> Any:
        """Actions are for operators alone."""
        return super().get_actions(request) if rights(request).operates else {}

    def tools(self, request: HttpRequest, row: Any) -> list[Tool]:
        """Links to replay and discard, for operators and a message that waits."""
        if not rights(request).operates or row.replayed_at or row.discarded_at:
            return []
        return [
            Tool("Replay", self.chosen("replay", [row.pk])),
            Tool("Discard", self.chosen("discard", [row.pk])),
        ]

    @admin.action(description="Replay…")
    def replay_selected(
        self, request: HttpRequest, rows: QuerySet[QuarantinedMessage]
    ) -> HttpResponse:
        """Go to the page that asks for confirmation; nothing is done yet."""
        return self.picked(request, "replay", rows)

    @admin.action(description="Discard…")
    def discard_selected(
        self, request: HttpRequest, rows: QuerySet[QuarantinedMessage]
    ) -> HttpResponse:
        """Go to the page that asks for the reason; nothing is done yet."""
        return self.picked(request, "discard", rows)

    def replay(self, request: HttpRequest) -> HttpResponse:
        """Replay messages, one after the other."""
        ensure_operator(request)

        def verb(row: QuarantinedMessage, _: dict[str, Any]) -> None:
            quarantine.replay(row.pk, by=actor(request))

        says = "Each is read again, as if it had just come from SQS."
        return self.each(request, sure(request), Deed(verb, "Replay", "replayed", says))

    def discard(self, request: HttpRequest) -> HttpResponse:
        """Discard messages with a reason, one after the other."""
        ensure_operator(request)

        def verb(row: QuarantinedMessage, typed: dict[str, Any]) -> None:
            quarantine.discard(row.pk, typed["reason"], by=actor(request))

        says = "Their bytes are kept, sealed, but nothing will be made of them."
        return self.each(
            request, WhyForm(posted(request)), Deed(verb, "Discard", "discarded", says)
        )

    # --- columns

    def state(self, row: QuarantinedMessage) -> str:
        """Whether it waits, else how, when and by whom it was settled."""
        for state in ("replayed", "discarded"):
            at, by = getattr(row, f"{state}_at"), getattr(row, f"{state}_by")
            if at is not None:
                return f"{state} by {by or 'the command line'}, {at:%Y-%m-%d %H:%M} UTC"
        return "waiting"

    def body(self, row: QuarantinedMessage) -> str:
        """The message, with everything that may be a token redacted."""
        try:
            return formatting.block(redacted_body(row))
        except KeyMissing as error:
            return error.message
