"""The audit trail, to be read: all events, or one chain."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest

from approvals.admin import formatting
from approvals.admin.pages import Page
from approvals.models import AuditEvent

CHAINS = ("review", "order", "batch", "quarantine", "queue", "user", "webhook")


class Trail(Page):
    """Events, the newest first. The database itself refuses to change them."""

    list_display = ("at", "chain_name", "seq", "kind", "actor_name", "surface")
    search_fields = ("chain",)
    search_help_text = "A chain, such as review:0199…, or the id of a review, order, queue or user."
    ordering = ("-id",)
    shows = ("chain_name", "seq", "kind", "at", "actor_name", "surface", "content", "hash_of",
             "hash_before")  # fmt: skip

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent], search_term: str
    ) -> tuple[QuerySet[AuditEvent], bool]:
        """One chain, by its name or by the id of its row."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            named = [f"{kind}:{UUID(term)}" for kind in CHAINS]
        except ValueError:
            named = [term]
        return queryset.filter(chain__in=named), False

    def chain_name(self, event: AuditEvent) -> str:
        """The chain it stands in."""
        return event.chain

    chain_name.short_description = "chain"  # type: ignore[attr-defined]

    def content(self, event: AuditEvent) -> str:
        """What was recorded."""
        return formatting.block(formatting.document(event.data))

    def hash_of(self, event: AuditEvent) -> str:
        """Its hash."""
        return bytes(event.hash).hex()

    def hash_before(self, event: AuditEvent) -> str:
        """The hash of the event before it."""
        return bytes(event.prev_hash).hex()
