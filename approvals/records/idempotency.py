"""Idempotency keys: a request under a key is carried out once; repeated requests get the same response.

The row of the key is the first write of the verb's transaction. The same request sent meanwhile waits
on its unique index until that transaction ends; a refused request is rolled back with its row.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now

from approvals.exceptions import IdempotencyMismatch, Unavailable
from approvals.models import IdempotencyKey
from approvals.models.ids import uuid7
from approvals.records import statements

AT_ONCE = 10_000  # rows of one DELETE

# A key that has expired, though it is not purged yet, is taken over by the new request.
_KEEP = """
INSERT INTO approvals_receipt AS kept
  (id, principal, key, request, body_sha256, status, result, answer)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s::jsonb)
ON CONFLICT (principal, key) DO UPDATE SET
  id = EXCLUDED.id, request = EXCLUDED.request, body_sha256 = EXCLUDED.body_sha256,
  status = EXCLUDED.status, result = EXCLUDED.result, answer = EXCLUDED.answer,
  created_at = statement_timestamp()
WHERE kept.created_at < statement_timestamp() - %s
RETURNING 1
"""


def kept_for() -> timedelta:
    """How long a key is kept, those of webhook messages too."""
    return timedelta(days=settings.RETENTION_IDEMPOTENCY_KEYS_DAYS)


@dataclass(frozen=True, kw_only=True)
class Key:
    """A request under a key: `principal` is its sender, `request` its method and path.

    `status` is the HTTP status of the first response.
    """

    principal: str
    key: str
    request: str
    body_sha256: bytes
    status: int


class AlreadyAnswered(Exception):
    """The request was carried out before.

    Its response had `status`, and showed the row `result` or had the body `answer`.
    """

    def __init__(self, stored: IdempotencyKey) -> None:
        self.result: UUID | None = stored.result
        self.created_at = stored.created_at
        self.answer: Any = stored.answer
        self.status: int = stored.status
        super().__init__(str(stored))


def keep(key: Key | None, result: UUID | None = None) -> None:
    """Store the key of the running verb, whose response shows the row `result`; does nothing for None.

    Call it before the verb locks anything. Raises AlreadyAnswered if the same request was carried
    out under this key, and IdempotencyMismatch if it was another request.
    """
    if key is None:
        return
    if _stored(key, key.status, result=result):
        return
    kept = _of(key).first()
    if kept is None:  # a purge took the old one between the two statements
        raise Unavailable
    _compare(kept, key)
    raise AlreadyAnswered(kept)


def fill(key: Key | None, result: UUID, *, status: int | None = None) -> None:
    """Store the row that the response shows, for a verb that creates it."""
    if key is None:
        return
    columns: dict[str, Any] = {"result": result} | ({"status": status} if status else {})
    _of(key).update(**columns)


def keep_refusal(key: Key, status: int, answer: dict[str, Any]) -> None:
    """Store a refusal as the response of this key, for a surface that repeats refusals too."""
    _stored(key, status, answer=answer)


def earlier(key: Key) -> IdempotencyKey | None:
    """The stored key of this request, if any. Raises IdempotencyMismatch for a key of another request."""
    kept = _of(key).filter(created_at__gte=Now() - kept_for()).first()
    if kept is not None:
        _compare(kept, key)
    return kept


def purge() -> int:
    """Delete keys that are past their retention, at most AT_ONCE; returns how many."""
    old = IdempotencyKey.objects.filter(created_at__lt=Now() - kept_for()).values("pk")[:AT_ONCE]
    deleted, _ = IdempotencyKey.objects.filter(pk__in=old).delete()
    return deleted


def _of(key: Key) -> QuerySet[IdempotencyKey]:
    return IdempotencyKey.objects.filter(principal=key.principal, key=key.key)


def _stored(
    key: Key, status: int, *, result: UUID | None = None, answer: dict[str, Any] | None = None
) -> bool:
    """Store a key, in the place of one that has expired; False if there is one that has not."""
    values = [
        *(uuid7(), key.principal, key.key, key.request, key.body_sha256),
        *(status, result, None if answer is None else json.dumps(answer), kept_for()),
    ]
    return statements.first_row(_KEEP, values) is not None


def _compare(kept: IdempotencyKey, key: Key) -> None:
    if (kept.request, bytes(kept.body_sha256)) != (key.request, key.body_sha256):
        raise IdempotencyMismatch
