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
from approvals.admin.action_pages import Tool, row_or_404
from approvals.admin.bulk_action_page import BulkAction, BulkActionPage
from approvals.admin.fields import empty_form, form_data, reason
from approvals.admin.permissions import actor, permissions
from approvals.exceptions import KeyMissing, NotAllowed, NotFound
from approvals.models import QuarantinedMessage, ReplayRequest
from approvals.records.quarantined_messages import redacted_body
from approvals.untrusted.display import visible

BYTES = ("raw_body", "raw_body_sha256", "sealed_extras")
LONGEST = 160  # characters of an explanation in the list


class DiscardForm(forms.Form):
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


class Quarantine(BulkActionPage):
    """Messages that could not become a review; a page shows them with every token redacted."""

    actions = ("replay_selected", "discard_selected")
    list_display = (
        "reason_in_words", "explanation_cut", "queue", "origin", "size",
        formatting.ago("received_at", "received"), "state",
    )  # fmt: skip
    empty = "No message is in quarantine: every message that came has become a review."
    list_filter = (Ended, Reason, "origin", "queue")
    search_fields = ("sqs_message_id",)
    search_help_text = "An SQS message id, or the id of a quarantined message."
    ordering = ("-received_at", "-id")
    row_fields = (
        "id", "queue", "origin", "reason", formatting.text("explanation"), "sqs_message_id",
        "size", formatting.when("sent_at", "sent"), formatting.when("received_at", "received"),
        "state", "discard_reason", "body",
    )  # fmt: skip
    chain = "quarantine"

    def get_queryset(self, request: HttpRequest) -> QuerySet[QuarantinedMessage]:
        """Messages; in a list without their bytes, which stay in the database."""
        rows = QuarantinedMessage.objects.select_related(
            "queue", "replayed_by", "discarded_by", "replay_request"
        )
        return rows if self.is_row(request) else rows.defer(*BYTES)

    def search(self, rows: QuerySet[QuarantinedMessage], term: str) -> QuerySet[QuarantinedMessage]:
        """Messages with this id or SQS message id."""
        try:
            return rows.filter(pk=UUID(term)) | rows.filter(sqs_message_id=term)
        except ValueError:
            return rows.filter(sqs_message_id=term)

    def action_urls(self) -> list[URLPattern]:
        """The pages for replay and discard; their query names the messages: `?id=...&id=...`."""
        return [
            self.action_url("replay/", self.replay, "replay"),
            self.action_url("discard/", self.discard, "discard"),
            self.action_url("<uuid:key>/body/", self.download, "body", operators=False),
        ]

    def get_actions(self, request: HttpRequest) -> Any:
        """Actions are for operators alone."""
        return super().get_actions(request) if permissions(request).operates else {}

    def operator_tools(self, row: Any) -> list[Tool]:
        """Replay and discard, for a message that waits."""
        if row.replayed_at or row.discarded_at:
            return []
        return [
            Tool("Replay", self.selection_url("replay", [row.pk])),
            Tool("Discard", self.selection_url("discard", [row.pk])),
        ]

    @admin.action(description="Replay…")
    def replay_selected(
        self, request: HttpRequest, rows: QuerySet[QuarantinedMessage]
    ) -> HttpResponse:
        """Go to the page that asks for confirmation; nothing is done yet."""
        return self.to_selected(request, "replay", rows)

    @admin.action(description="Discard…")
    def discard_selected(
        self, request: HttpRequest, rows: QuerySet[QuarantinedMessage]
    ) -> HttpResponse:
        """Go to the page that asks for the reason; nothing is done yet."""
        return self.to_selected(request, "discard", rows)

    def replay(self, request: HttpRequest) -> HttpResponse:
        """Replay messages, one after the other."""

        def verb(row: QuarantinedMessage, _: dict[str, Any]) -> str:
            review = quarantine.replay(row.pk, by=actor(request))
            return "" if review else "a poller reads its object in S3 and replays it"

        description = (
            "Each is read again, as if it had just come from SQS. For one that points to S3 a poller does that"
            " within seconds; its page shows what came of it."
        )
        return self.bulk_page(
            request, empty_form(request), BulkAction(verb, "Replay", "replayed", description)
        )

    def discard(self, request: HttpRequest) -> HttpResponse:
        """Discard messages with a reason, one after the other."""

        def verb(row: QuarantinedMessage, typed: dict[str, Any]) -> None:
            quarantine.discard(row.pk, typed["reason"], by=actor(request))

        description = "Their bytes are kept, sealed, but nothing will be made of them."
        return self.bulk_page(
            request,
            DiscardForm(form_data(request)),
            BulkAction(verb, "Discard", "discarded", description),
        )

    def download(self, request: HttpRequest, key: UUID) -> HttpResponse:
        """The whole message as a text file, with everything that may be a token redacted."""
        if not self.has_view_permission(request):
            raise NotAllowed
        row = row_or_404(QuarantinedMessage.objects.all(), key)
        try:
            body = redacted_body(row)
        except KeyMissing as error:
            raise NotFound(error.message) from error
        name = f'attachment; filename="message-{row.pk}.txt"'
        headers = {"Content-Disposition": name, "X-Content-Type-Options": "nosniff"}
        return HttpResponse(body, content_type="text/plain; charset=utf-8", headers=headers)

    # --- columns

    @admin.display(description="reason")
    def reason_in_words(self, row: QuarantinedMessage) -> str:
        """Why it could not become a review."""
        return visible(row.reason.replace("_", " "))

    @admin.display(description="explanation")
    def explanation_cut(self, row: QuarantinedMessage) -> str:
        """The beginning of the explanation; all of it is on the message's page."""
        text = visible(row.explanation)
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"

    def size(self, row: QuarantinedMessage) -> str:
        """The length of its body in bytes."""
        return f"{row.raw_body_bytes:,} bytes"

    def state(self, row: QuarantinedMessage) -> str:
        """Whether it waits, else how, when and by whom it was settled."""
        for state in ("replayed", "discarded"):
            at, by = getattr(row, f"{state}_at"), getattr(row, f"{state}_by")
            if at is not None:
                who = by or "the command line"
                return f"{state} by {who}, {formatting.moment(at)}"
        request: ReplayRequest | None = getattr(row, "replay_request", None)
        if request is None:
            return "waiting"
        if request.refused_at is None:
            return "waiting for a poller that replays it"
        return f"waiting; its replay made no review: {visible(request.refusal)}"

    def body(self, row: QuarantinedMessage) -> str:
        """The message, with everything that may be a token redacted."""
        try:
            return formatting.linked_block(redacted_body(row), self.url_of("body", row.pk))
        except KeyMissing as error:
            return error.message
