"""The audit trail: append-only events in hash chains, one chain for each row that has a history.

Triggers in the migrations refuse UPDATE, DELETE and TRUNCATE, whatever the role.
"""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now

from approvals.models.fields import CurrentTransaction, Xid8Field


class AuditEvent(models.Model):
    """One event of a chain, the `seq`-th.

    `hash` is a SHA-256 over every other column but the transaction id; `prev_hash` is that of the event before.
    `records/event_digests.py` and `records/erasable_values.py` say how, by `format`.
    """

    id = models.BigAutoField(primary_key=True)
    chain = models.CharField(max_length=80)
    seq = models.PositiveIntegerField()
    format = models.PositiveSmallIntegerField(default=1)
    kind = models.CharField(max_length=60)
    # Events are asked for by chain alone, and a user is never deleted: no index of users.
    actor = models.ForeignKey(
        "approvals.User", null=True, db_index=False, on_delete=models.PROTECT, related_name="+"
    )
    actor_name = models.CharField(max_length=254)
    on_behalf_of = models.ForeignKey(
        "approvals.User", null=True, db_index=False, on_delete=models.PROTECT, related_name="+"
    )
    surface = models.CharField(max_length=10)
    data = models.JSONField(default=dict)
    at = models.DateTimeField(db_default=Now())
    prev_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)
    # Of the values that may be erased, which `hash` covers by salted digests from format 2 on.
    salts = models.BinaryField(default=b"", db_default=b"", editable=False)
    transaction = Xid8Field(db_default=CurrentTransaction(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chain", "seq"], name="audit_chain_has_no_fork")
        ]
        # Events are written in the order of their times, so a few kilobytes find a period.
        indexes = [BrinIndex("at", name="audit_by_time", autosummarize=True, pages_per_range=32)]

    def __str__(self) -> str:
        return f"{self.chain} #{self.seq} {self.kind}"
