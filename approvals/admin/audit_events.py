"""The audit trail, read only: all events, or those of one chain."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from approvals.admin import formatting
from approvals.admin.pages import Page
from approvals.models import AuditEvent

CHAINS = ("review", "order", "batch", "quarantine", "queue", "user", "webhook")


class Trail(Page):
    """Events, newest first. The database refuses to change them."""

    list_display = ("at", "chain_name", "seq", "kind", "actor_name", "surface")
    search_fields = ("chain",)
    search_help_text = "A chain, such as review:0199…, or the id of a review, order, queue or user."
    ordering = ("-id",)
    row_fields = (
        "chain_name", "seq", "kind", "at", "actor_name", "surface", "content", "hash_of",
        "hash_before",
    )  # fmt: skip

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
