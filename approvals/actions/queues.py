"""Review queues: their settings, and checks of their connection to AWS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from approvals import policy
from approvals.actors import Actor, ensure_user
from approvals.exceptions import Invalid, NotAllowed, StaleVersion
from approvals.models import (
    ConnectionCheck,
    QueueCheck,
    ReviewQueue,
    User,
)
from approvals.policy import Action
from approvals.records import audit, idempotency, locked_rows, review_queues, wake_ups
from approvals.records.audit_kinds import AuditKind
from approvals.records.unit_of_work import UnitOfWork

MESSAGE_SETTINGS = frozenset(("message_map", "pointer_buckets"))


@transaction.atomic(durable=True)
def save(
    slug: str,
    changes: Mapping[str, Any],
    *,
    by: Actor,
    expected: int | None = None,
) -> tuple[ReviewQueue, bool]:
    """Create the queue `slug`, or change the settings in `changes`; returns it and whether it is new.

    `expected` is the version of the settings (`records.review_queues`) that the change is based on;
    None accepts any. Raises NotAllowed, StaleVersion, or Invalid, with the name of the setting, for a
    value that is not valid.
    """
    queue = ReviewQueue.objects.select_for_update(of=("self",)).filter(slug=slug).first()
    policy.may(Action.OPERATE, None, by=by).or_raise()
    _ensure_seen(queue, expected)
    created = queue is None
    queue = queue or ReviewQueue(slug=slug, name=slug.replace("-", " ").capitalize())
    end, work = audit.end_of(queue), UnitOfWork()
    before = _assign(queue, changes)
    if created:
        work.insert(queue)
    elif changes:
        work.update(queue, *changes)
    changed: Mapping[str, list[str | None]] = (
        {name: [None, _as_text(value)] for name, value in changes.items()}
        if created
        else _changed(before, changes)
    )
    if changed:
        kind = AuditKind.QUEUE_CREATED if created else AuditKind.QUEUE_CHANGED
        audit.record(work, end, kind, by=by, data=changed)
    try:
        work.write()
    except IntegrityError as error:
        raise Invalid(f"The queue {slug!r} was made by somebody else just now.") from error
    return queue, created


@transaction.atomic(durable=True)
def set_messages(
    slug: str,
    changes: Mapping[str, Any],
    *,
    by: Actor,
    version: int | None = None,
    key: idempotency.Key | None = None,
) -> ReviewQueue:
    """Change where the messages of a queue hold their fields: settings of MESSAGE_SETTINGS.

    `version` is that of the settings on which the change is based; None accepts any. Raises NotFound, NotAllowed,
    also for a bucket that only an operator may add, StaleVersion, or Invalid, with the name of the setting, for
    another setting or a value that is not valid.
    """
    idempotency.keep(key)
    locked = review_queues.locked(slug, by=by)
    queue = locked.row
    policy.may_set_messages(queue, by=by).or_raise()
    _ensure_seen(queue, version)
    if others := changes.keys() - MESSAGE_SETTINGS:
        raise Invalid(f"{min(others)} is no setting of messages.")
    idempotency.fill(key, queue.pk)
    before = _assign(queue, changes)
    _ensure_free_buckets(queue, before, by)
    changed = _changed(before, changes)
    if changed:
        work = UnitOfWork()
        work.update(queue, *changed)
        audit.record(work, locked.chain, AuditKind.QUEUE_CHANGED, by=by, data=changed)
        work.write()
    return queue


@transaction.atomic(durable=True)
def ask_check(queue_id: UUID, *, by: Actor) -> QueueCheck:
    """Request a check of a queue's connection by a worker; the returned row will hold its result.

    Raises NotAllowed or NotFound.
    """
    locked = locked_rows.row(ReviewQueue, queue_id, by=by)
    queue = locked.row
    policy.may(Action.OPERATE, locked, by=by).or_raise()
    work = UnitOfWork()
    check = QueueCheck.objects.filter(queue=queue).first()
    if check is None:
        check = work.insert(QueueCheck(queue=queue, asked_at=locked.now))
    else:
        check.asked_at = locked.now
        work.update(check, "asked_at")
    audit.record(work, locked.chain, AuditKind.QUEUE_CHECK_ASKED, by=by)
    work.write()
    wake_ups.after_commit(wake_ups.CHECK, queue.pk, queue=queue.slug)
    return check


@transaction.atomic(durable=True)
def ask_unsaved_check(wanted: Mapping[str, Any], *, by: Actor) -> ConnectionCheck:
    """Request a check of a connection before its queue is saved; it takes the place of the person's last one.

    `wanted` are columns of ReviewQueue as JSON has them. Recorded on the chain of the person. Raises
    NotAllowed.
    """
    locked = locked_rows.row(User, ensure_user(by).pk, by=by)
    policy.may(Action.OPERATE, locked, by=by).or_raise()
    work = UnitOfWork()
    check = ConnectionCheck.objects.filter(asked_by=locked.row).first()
    if check is None:
        check = ConnectionCheck(asked_by=locked.row, settings=dict(wanted), asked_at=locked.now)
        work.insert(check)
    else:
        check.settings, check.asked_at = dict(wanted), locked.now
        check.checked_at, check.findings = None, []
        work.update(check, "settings", "asked_at", "checked_at", "findings")
    named = {name: str(wanted.get(name, "")) for name in ("slug", "sqs_url", "region", "role_arn")}
    audit.record(work, locked.chain, AuditKind.QUEUE_CHECK_ASKED, by=by, data=named)
    work.write()
    wake_ups.after_commit(wake_ups.CHECK_UNSAVED, check.pk, queue=named["slug"])
    return check


def _ensure_seen(queue: ReviewQueue | None, expected: int | None) -> None:
    """Raise StaleVersion if the settings are newer than `expected`; the caller holds the queue's lock."""
    if queue is None or expected is None:
        return
    if review_queues.settings_version(queue.pk) != expected:
        raise StaleVersion("Somebody has changed this queue since you looked at it.")


def _ensure_free_buckets(queue: ReviewQueue, before: Mapping[str, Any], by: Actor) -> None:
    """Raise NotAllowed if a lead adds a bucket in which the messages of another queue lie, or orders.

    The queue is the border of rights: a pointer into such a bucket would show them what is not theirs, and
    take another queue's task tokens in.
    """
    added = set(queue.pointer_buckets) - set(before.get("pointer_buckets", queue.pointer_buckets))
    if policy.may(Action.OPERATE, queue, by=by).allowed:
        return
    stored = ReviewQueue.objects.values_list("pointer_buckets", flat=True)
    # The queue's own stored ones are among them, of which none is added.
    if taken := added & {*settings.ORDER_BUCKETS, *chain.from_iterable(stored)}:
        named = ", ".join(sorted(taken))
        raise NotAllowed(f"Only an operator may add {named}: it holds what is not this queue's.")


def _assign(queue: ReviewQueue, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Set settings of a queue and validate all of them; returns the values before. Raises Invalid."""
    before = {name: getattr(queue, name) for name in changes}
    for name, value in changes.items():
        setattr(queue, name, value)
    try:
        queue.full_clean()
    except ValidationError as error:
        raise Invalid.from_validation(error) from error
    return before


def _changed(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, list[str | None]]:
    """What has changed, for the audit trail: both values of each setting."""
    return {
        name: [_as_text(before[name]), _as_text(value)]
        for name, value in changes.items()
        if before[name] != value
    }


def _as_text(value: Any) -> str:
    """A setting as the audit trail keeps it: documents as JSON, everything else as its text."""
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
