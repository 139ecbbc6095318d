"""Rows of a batch's source that became no order."""

from __future__ import annotations

from django.db import models

from approvals.models.order_batches import OrderBatch


class RefusedRow(models.Model):
    """A row of a batch's source that became no order, and why. `item` counts rows, `line` lines."""

    batch = models.ForeignKey(OrderBatch, on_delete=models.PROTECT, related_name="refusals")
    line = models.PositiveBigIntegerField()
    item = models.PositiveBigIntegerField()
    order_id = models.CharField(max_length=256, blank=True)
    code = models.CharField(max_length=30)
    reason = models.CharField(max_length=300)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["batch", "item"], name="row_refused_once")]

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"
