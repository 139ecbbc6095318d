"""Quarantine: what could not become a review, and what to do with it."""

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
from approvals.admin.rights import SURFACE, actor, ensure_operator, rights
from approvals.admin.row_actions import Deed, Several
from approvals.exceptions import KeyMissing
from approvals.models import QuarantinedMessage
from approvals.records.quarantine import redacted_body

LONGEST = 20_000  # characters of a body on the page


class WhyForm(forms.Form):
    """Why a message is given up."""

    reason = reason(required=True, limit=300)


class Ended(admin.SimpleListFilter):
    """Whether somebody has dealt with it; those that wait come first to mind."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The three ends of a message."""
        return [("waiting", "waiting"), ("replayed", "replayed"), ("discarded", "discarded")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Messages with that end."""
        if self.value() == "waiting":
            return queryset.filter(replayed_at=None, discarded_at=None)
        if self.value() in {"replayed", "discarded"}:
            return queryset.filter(**{f"{self.value()}_at__isnull": False})
        return queryset


class Reason(admin.SimpleListFilter):
    """Why it could not become a review; offered are the reasons of those that wait."""

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
    """Messages that could not become a review, sealed; a page shows them with every token blotted out."""

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
        """Messages, their bytes left where they are."""
        return QuarantinedMessage.objects.defer("raw_body", "raw_body_sha256")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[QuarantinedMessage], search_term: str
    ) -> tuple[QuerySet[QuarantinedMessage], bool]:
        """By either id."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(pk=UUID(term)) | queryset.filter(sqs_message_id=term), False
        except ValueError:
            return queryset.filter(sqs_message_id=term), False

    def doors(self) -> list[URLPattern]:
        """Replay and discard; which messages, the address says: `?id=...&id=...`."""
        return [
            self.door("replay/", self.replay, "replay"),
            self.door("discard/", self.discard, "discard"),
        ]

    def get_actions(self, request: HttpRequest) -> Any:
        """For operators alone."""
        return super().get_actions(request) if rights(request).operates else {}

    def tools(self, request: HttpRequest, row: Any) -> list[Tool]:
        """What operators do with a message that waits."""
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
        """To the page that asks; nothing is done yet."""
        return self.picked(request, "replay", rows)

    @admin.action(description="Discard…")
    def discard_selected(
        self, request: HttpRequest, rows: QuerySet[QuarantinedMessage]
    ) -> HttpResponse:
        """To the page that asks why; nothing is done yet."""
        return self.picked(request, "discard", rows)

    def replay(self, request: HttpRequest) -> HttpResponse:
        """Try again to make reviews of messages, one after the other."""
        ensure_operator(request)

        def verb(row: QuarantinedMessage, _: dict[str, Any]) -> None:
            quarantine.replay(row.pk, by=actor(request), surface=SURFACE)

        says = "Each is read again, as if it had just come from SQS."
        return self.each(request, sure(request), Deed(verb, "Replay", "replayed", says))

    def discard(self, request: HttpRequest) -> HttpResponse:
        """Give messages up, with a reason, one after the other."""
        ensure_operator(request)

        def verb(row: QuarantinedMessage, typed: dict[str, Any]) -> None:
            quarantine.discard(row.pk, typed["reason"], by=actor(request), surface=SURFACE)

        says = "Their bytes are kept, sealed, but nothing will be made of them."
        return self.each(
            request, WhyForm(posted(request)), Deed(verb, "Discard", "discarded", says)
        )

    # --- columns

    def state(self, row: QuarantinedMessage) -> str:
        """Who ended it, and how."""
        for word in ("replayed", "discarded"):
            at, by = getattr(row, f"{word}_at"), getattr(row, f"{word}_by")
            if at is not None:
                return f"{word} by {by or 'the command line'}, {at:%Y-%m-%d %H:%M} UTC"
        return "waiting"

    def body(self, row: QuarantinedMessage) -> str:
        """The message, with everything that may be a token blotted out."""
        try:
            return formatting.block(redacted_body(row))
        except KeyMissing as error:
            return error.message
