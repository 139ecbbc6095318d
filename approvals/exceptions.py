"""The errors of the domain: each has a stable `code`, an HTTP status, and its docstring as its message.

Surfaces translate them into pages, problem documents and exit codes; codes are stable, messages are not.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import (
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)

# The database is away, read-only, full, or has another schema than this code expects. No row is the
# cause, so nothing is refused or deleted because of it, and every loop waits before it tries again.
DATABASE_AWAY = (
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)


class ApprovalsError(Exception):
    """The request was refused."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400

    def __init__(self, message: str = "", **extra: Any) -> None:
        self.message = message or (self.__doc__ or "").strip()
        self.extra = extra
        super().__init__(self.message)


class NotAllowed(ApprovalsError):
    """You may not do this."""

    code = "not_allowed"
    status = 403


class NotFound(ApprovalsError):
    """There is nothing here, or nothing that you may see."""

    code = "not_found"
    status = 404


class AlreadyDecided(ApprovalsError):
    """This review has been decided already."""

    code = "already_decided"
    status = 409


class AlreadySettled(ApprovalsError):
    """This message has been replayed or discarded already."""

    code = "already_settled"
    status = 409


class ClaimedByAnother(ApprovalsError):
    """Somebody else holds this review."""

    code = "claimed_by_another"
    status = 409


class DeadlinePassed(ApprovalsError):
    """The deadline has passed: Step Functions no longer waits for this review."""

    code = "deadline_passed"
    status = 409


class UndoClosed(ApprovalsError):
    """It is too late to undo: the decision is on its way to Step Functions or has arrived."""

    code = "undo_closed"
    status = 409


class OrderConflict(ApprovalsError):
    """This conflicts with the order: its content differs, AWS refuses it, or its status does not allow it."""

    code = "order_conflict"
    status = 409


class IdempotencyConflict(ApprovalsError):
    """This id was used before with another body; nothing was done."""

    code = "receipt_conflict"
    status = 409


class StaleVersion(ApprovalsError):
    """The review has changed since you looked at it."""

    code = "stale_version"
    status = 412


class Invalid(ApprovalsError):
    """The request is not valid."""

    # extra: `pointer`, the JSON Pointer to the place in the body; or `parameter`, or `header`

    code = "invalid"
    status = 422

    @classmethod
    def from_validation(cls, error: ValidationError) -> Invalid:
        """The first message of a model's validation, after the name of its field."""
        name, messages = next(iter(error.message_dict.items()))
        return cls(messages[0] if name == "__all__" else f"{name}: {messages[0]}")


class IdempotencyMismatch(ApprovalsError):
    """This Idempotency-Key was used before with another request; nothing was done."""

    code = "idempotency_mismatch"
    status = 422


class Throttled(ApprovalsError):
    """Too many requests. Try again later."""

    # extra: `retry_after`, the seconds until the next request is accepted

    code = "throttled"
    status = 429


class Unavailable(ApprovalsError):
    """The service cannot do this right now; try again shortly."""

    code = "unavailable"
    status = 503


class KeyMissing(ApprovalsError):
    """No key of TOKEN_KEYS opens this sealed value: its key id is unknown, or the bytes were altered."""

    code = "key_missing"
    status = 503
