"""The audit trail: append-only events in hash chains, one chain for each thing that has a history.

Triggers in the migrations refuse UPDATE, DELETE and TRUNCATE, whoever asks.
"""

from __future__ import annotations

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Now


class Xid8Field(models.Field):  # type: ignore[type-arg]
    """PostgreSQL's 64-bit transaction id: which events were written together."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """The column's type."""
        return "xid8"


class CurrentTransaction(models.Func):
    """The id of the running transaction."""

    function = "pg_current_xact_id"
    output_field = Xid8Field()


class AuditEvent(models.Model):
    """One thing that happened. `hash` covers every column but the transaction id."""

    id = models.BigAutoField(primary_key=True)
    chain = models.CharField(max_length=80)
    seq = models.PositiveIntegerField()
    format = models.PositiveSmallIntegerField(default=1)
    kind = models.CharField(max_length=60)
    actor = models.ForeignKey(
        "approvals.User", null=True, on_delete=models.PROTECT, related_name="+"
    )
    actor_name = models.CharField(max_length=254)
    on_behalf_of = models.ForeignKey(
        "approvals.User", null=True, on_delete=models.PROTECT, related_name="+"
    )
    surface = models.CharField(max_length=10)
    data = models.JSONField(default=dict)
    at = models.DateTimeField(db_default=Now())
    prev_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)
    transaction = Xid8Field(db_default=CurrentTransaction(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chain", "seq"], name="audit_chain_has_no_fork")
        ]

    def __str__(self) -> str:
        return f"{self.chain} #{self.seq} {self.kind}"
