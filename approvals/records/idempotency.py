"""Receipts: a request under a key acts once, however often it is sent, and its twins get its answer.

The receipt is written first in the verb's own transaction. A twin in flight waits on the unique
index until that transaction ends; what was refused rolls back and leaves no receipt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now

from approvals.exceptions import IdempotencyMismatch, Unavailable
from approvals.models import Receipt

KEPT_FOR = timedelta(days=7)
AT_ONCE = 10_000


@dataclass(frozen=True, kw_only=True)
class Key:
    """Who asks for what, under which key; `status` is the HTTP status of the first answer."""

    principal: str
    key: str
    request: str
    body_sha256: bytes
    status: int


class AlreadyAnswered(Exception):
    """The request was carried out before: its answer shows `result`, or says `answer`, with `status`."""

    def __init__(self, receipt: Receipt) -> None:
        self.result: UUID | None = receipt.result
        self.created_at = receipt.created_at
        self.answer: Any = receipt.answer
        self.status: int = receipt.status
        super().__init__(str(receipt))


def keep(key: Key | None, result: UUID | None = None) -> None:
    """Write the receipt of the running verb, whose answer shows the row `result`; no key, no receipt.

    Call it before the verb locks anything. Raises AlreadyAnswered where the same request was carried
    out under this key, and IdempotencyMismatch where it was another request.
    """
    if key is None:
        return
    _of(key).filter(created_at__lt=Now() - KEPT_FOR).delete()  # as if it had been purged
    mine = _row(key, result=result)
    Receipt.objects.bulk_create([mine], ignore_conflicts=True)
    kept = _of(key).first()
    if kept is None:  # a purge took the old one between the two statements
        raise Unavailable
    if kept.pk != mine.pk:
        _compare(kept, key)
        raise AlreadyAnswered(kept)


def fill(key: Key | None, result: UUID, *, status: int | None = None) -> None:
    """Name the row that the answer shows, where it was not known when the verb began."""
    if key is None:
        return
    known: dict[str, Any] = {"result": result} | ({"status": status} if status else {})
    _of(key).update(**known)


def keep_refusal(key: Key, status: int, answer: dict[str, Any]) -> None:
    """Remember a refusal as the answer of this key, for a door that repeats refusals too."""
    row = _row(key, answer=answer)
    row.status = status
    Receipt.objects.bulk_create([row], ignore_conflicts=True)


def earlier(key: Key) -> Receipt | None:
    """The receipt of this very request, where there is one. Raises IdempotencyMismatch for another's."""
    kept = _of(key).filter(created_at__gte=Now() - KEPT_FOR).first()
    if kept is not None:
        _compare(kept, key)
    return kept


def purge() -> int:
    """Forget receipts older than seven days; returns how many."""
    old = Receipt.objects.filter(created_at__lt=Now() - KEPT_FOR).values("pk")[:AT_ONCE]
    deleted, _ = Receipt.objects.filter(pk__in=old).delete()
    return deleted


def _of(key: Key) -> QuerySet[Receipt]:
    return Receipt.objects.filter(principal=key.principal, key=key.key)


def _row(key: Key, *, result: UUID | None = None, answer: Any = None) -> Receipt:
    return Receipt(
        principal=key.principal,
        key=key.key,
        request=key.request,
        body_sha256=key.body_sha256,
        status=key.status,
        result=result,
        answer=answer,
    )


def _compare(kept: Receipt, key: Key) -> None:
    if (kept.request, bytes(kept.body_sha256)) != (key.request, key.body_sha256):
        raise IdempotencyMismatch
