"""The audit trail, read only: all events, or those of one chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from approvals.admin import formatting, subjects
from approvals.admin.pages import Page
from approvals.admin.subjects import Subject
from approvals.models import AuditEvent

CHAINS = ("review", "order", "batch", "quarantine", "queue", "user", "webhook")


class Trail(Page):
    """Events, newest first. The database refuses to change them."""

    list_display = ("time", "kind", "about", "actor_name", "surface", "seq")
    list_display_links = ("time",)
    empty = "Nothing has happened yet."
    search_fields = ("chain",)
    search_help_text = "A chain, such as review:0199…, or the id of a review, order, queue or user."
    ordering = ("-id",)
    row_fields = (
        "chain_name", "about", "seq", "kind", "time", "actor_name", "surface", "content", "hash_of",
        "hash_before",
    )  # fmt: skip

    def prepare(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """What the chain of each event is about."""
        found = subjects.of_chains(request, [row.chain for row in rows])
        for row in rows:
            row.subject_shown = found.get(row.chain, subjects.UNKNOWN)

    def related(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What its chain is about."""
        self.prepare(request, [row])
        return {}

    def time(self, event: AuditEvent) -> str:
        """When it was recorded."""
        return formatting.moment(event.at)

    def about(self, event: AuditEvent) -> str:
        """The row of its chain by its name, with a link."""
        subject: Subject = getattr(event, "subject_shown", subjects.UNKNOWN)
        if not subject.kind:
            return event.chain
        return format_html("{} {}", subject.kind, subject.link)

    def search(self, rows: QuerySet[AuditEvent], term: str) -> QuerySet[AuditEvent]:
        """The events of one chain, by its name or by the id of its row."""
        try:
            names = [f"{kind}:{UUID(term)}" for kind in CHAINS]
        except ValueError:
            names = [term]
        return rows.filter(chain__in=names)

    def chain_name(self, event: AuditEvent) -> str:
        """The name of its chain."""
        return event.chain

    chain_name.short_description = "chain"  # type: ignore[attr-defined]

    def content(self, event: AuditEvent) -> str:
        """Its data as JSON."""
        return formatting.block(formatting.document(event.data))

    def hash_of(self, event: AuditEvent) -> str:
        """Its hash in hexadecimal digits."""
        return bytes(event.hash).hex()

    def hash_before(self, event: AuditEvent) -> str:
        """The hash of the event before it, in hexadecimal digits."""
        return bytes(event.prev_hash).hex()
