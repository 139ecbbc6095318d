"""Exports: who took which data out of the service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from approvals import policy, visibility
from approvals.actors import Actor, ensure_user
from approvals.exceptions import NotFound
from approvals.models import ReviewQueue, User
from approvals.policy import Action
from approvals.records import audit, locked_rows
from approvals.records.audit_kinds import AuditKind
from approvals.records.locked_rows import LockedRow
from approvals.records.unit_of_work import UnitOfWork


@transaction.atomic(durable=True)
def record_trail_export(kind: str, filters: Mapping[str, str], *, by: Actor) -> None:
    """Record, on the chain of the person, that they export the audit events that these filters find.

    Call it before the first event is sent. Raises NotAllowed.
    """
    locked = locked_rows.row(User, ensure_user(by).pk, by=by)
    policy.may(Action.INSPECT, locked, by=by).or_raise()
    _record(locked, AuditKind.TRAIL_EXPORTED, {"format": kind, "filters": dict(filters)})


@transaction.atomic(durable=True)
def record_review_export(queue: ReviewQueue, filters: Mapping[str, str], *, by: Actor) -> None:
    """Record, on the chain of the person, that they export the reviews of a queue that these filters find.

    Call it before the first review is sent. Raises NotAllowed or NotFound.
    """
    locked = locked_rows.row(User, ensure_user(by).pk, by=by)
    policy.may(Action.SEE, queue, by=by).or_raise()
    _record(locked, AuditKind.REVIEWS_EXPORTED, {"queue": queue.slug, "filters": dict(filters)})


@transaction.atomic(durable=True)
def record_bulk_export(job_id: UUID, *, by: Actor) -> None:
    """Record, on the chain of the person, that they export the report of a bulk decision.

    Call it before the first line is sent. Raises NotFound.
    """
    locked = locked_rows.row(User, ensure_user(by).pk, by=by)
    if not visibility.visible_bulk_jobs(by).filter(pk=job_id).exists():
        raise NotFound
    _record(locked, AuditKind.BULK_EXPORTED, {"bulk": str(job_id)})


@transaction.atomic(durable=True)
def record_order_export(rows: str, filters: Mapping[str, str], *, by: Actor) -> None:
    """Record, on the chain of the person, that they export what these filters find of `orders` or `order-batches`.

    Call it before the first row is sent. Raises NotAllowed.
    """
    locked = locked_rows.row(User, ensure_user(by).pk, by=by)
    policy.may(Action.SEE_ORDERS, locked, by=by).or_raise()
    _record(locked, AuditKind.ORDERS_EXPORTED, {"rows": rows, "filters": dict(filters)})


def _record(locked: LockedRow[User], kind: AuditKind, data: dict[str, Any]) -> None:
    work = UnitOfWork()
    audit.record(work, locked.chain, kind, by=locked.by, data=data)
    work.write()
