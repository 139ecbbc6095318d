"""Batches of orders as they stand on a morning: one that S3 refuses, one that waits, and one that is done."""

from __future__ import annotations

from django.db.models.functions import Now

from approvals.gateways import s3
from approvals.models import OrderBatch, User

REFUSED = "s3://daily-orders/2026-11-28/orders.csv"
RESULTS = "s3://daily-orders/batches/7/1/results/ad9b5f27/manifest.json"


def build(by: User) -> None:
    """The batches of the lists and pages that are looked at."""
    refusal = f"{REFUSED} may not be read or written by us: 403."
    OrderBatch.objects.create(
        source=REFUSED, mode="batches", status="stopped", trouble=refusal, created_by=by
    )
    answer = s3.NotAllowedHere(f"{RESULTS} may not be read or written by us: AccessDenied.")
    OrderBatch.objects.create(
        source="s3://daily-orders/2026-11-27/orders.jsonl",
        mode="map",
        status="read",
        problem=f"The results of batch-7-1: {s3.explained(answer)}",
        position=12_000,
        accepted=11_990,
        refused=10,
        carriers=1,
        created_by=by,
    )
    OrderBatch.objects.create(
        source="api", mode="executions", status="finished", position=3, accepted=3, ended_at=Now()
    )


def stopped() -> OrderBatch:
    """The batch whose file S3 refuses."""
    return OrderBatch.objects.get(status="stopped")


def waiting() -> OrderBatch:
    """The batch whose results S3 refuses."""
    return OrderBatch.objects.get(status="read")
