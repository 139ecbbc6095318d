"""Idempotency keys: what makes a repeated request the same request."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from approvals.models.ids import uuid7


class IdempotencyKey(models.Model):
    """One request of one principal under one key, written in the transaction of what it did.

    `result` is the id of the row that the response shows; `answer` is the body of a refusal, for the
    webhook, which repeats refusals too.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    principal = models.CharField(max_length=120)
    key = models.CharField(max_length=255)
    request = models.CharField(max_length=600)
    body_sha256 = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    result = models.UUIDField(null=True)
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "approvals_receipt"  # the table keeps the name it was made with
        constraints = [
            models.UniqueConstraint(fields=["principal", "key"], name="receipt_once_a_key")
        ]
        indexes = [models.Index("created_at", name="receipt_by_age")]

    def __str__(self) -> str:
        return f"{self.request} of {self.principal}"
