"""Parses the body of an SQS message into a frozen ReviewRequest. Pure: no Django, no database, no clock.

A body that cannot be read raises Unreadable with a reason for the quarantine. A bad optional field
never does: it is left out, stays in the payload and is named in `flags`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from approvals.untrusted import redaction, strict_json
from approvals.untrusted.strict_json import Unreadable, check_text

MAX_TOKEN = 2_048  # API reference, SendTaskSuccess: taskToken
MAX_TIMEOUT = 99_999_999  # Amazon States Language: TimeoutSeconds


class TaskToken:
    """A task token of Step Functions: a bearer secret that ends the waiting state. Only `reveal` shows it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return redaction.PLACEHOLDER

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TaskToken) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a task token is never pickled")

    def reveal(self) -> str:
        """The token as a string: for sealing, and for the call to Step Functions, and for nothing else."""
        return self._value


@dataclass(frozen=True)
class ReviewRequest:
    """A manual-review message. `payload` is the whole message, its token redacted.

    `timeout_seconds` is TimeoutSeconds of the waiting state, if the message has it.
    """

    token: TaskToken
    payload: Mapping[str, Any]
    reference: str = ""
    title: str = ""
    error_name: str = ""
    error_cause: str = ""
    execution_arn: str = ""
    state_machine_arn: str = ""
    definition_revision: str = ""
    state_name: str = ""
    retry_count: int = 0
    redrive_count: int = 0
    item_index: int | None = None
    timeout_seconds: int | None = None
    priority: int = 0
    flags: tuple[str, ...] = field(default=())


def parse(body: str) -> ReviewRequest:
    """Parse a message: the short `{taskToken, orderId, error}` or the full one of schemaVersion 1.

    Raises Unreadable for a body that is not a JSON object with one usable token, or cannot be stored.
    """
    # Other keys may be repeated, the last one counts: nobody would read a complaint about them. Of
    # two tokens, though, none may be picked.
    document = strict_json.read(body, unique={"taskToken"})
    if not isinstance(document, dict):
        raise Unreadable("not_an_object", "The body is JSON, but not an object.")
    token = _token(document)
    stated = document.get("schemaVersion")
    version = "1" if stated is None else str(stated)
    if version.split(".", 1)[0] != "1":
        raise Unreadable("unknown_version", f"schemaVersion {version[:20]!r} is not understood.")
    payload = redaction.redact(document, token)
    reader = _Reader(payload)
    error_name, error_cause = _error(reader)
    return ReviewRequest(
        token=TaskToken(token),
        payload=payload,
        reference=reader.reference(),
        title=reader.text("title", 200),
        error_name=error_name,
        error_cause=error_cause.replace(
            token, redaction.PLACEHOLDER
        ),  # JSON inside it was parsed here
        execution_arn=reader.text("executionArn", 512),
        state_machine_arn=reader.text("stateMachineArn", 512),
        definition_revision=reader.text("definitionRevision", 128),
        state_name=reader.text("stateName", 128),
        retry_count=reader.whole("retryCount", 0, 10**6) or 0,
        redrive_count=reader.whole("redriveCount", 0, 10**6) or 0,
        item_index=reader.whole("itemIndex", 0, 2**31 - 1),
        timeout_seconds=reader.whole("timeoutSeconds", 1, MAX_TIMEOUT),
        priority=reader.whole("priority", -32_768, 32_767) or 0,
        flags=tuple(reader.flags),
    )


def _token(document: dict[str, Any]) -> str:
    token = document.get("taskToken")
    if not isinstance(token, str) or not token.strip():
        raise Unreadable("no_token", "The body has no taskToken.")
    if token.startswith("$$."):
        raise Unreadable(
            "no_token",
            "taskToken holds a path instead of a token: name the key `taskToken.$` in the state.",
        )
    if len(token) > MAX_TOKEN:
        raise Unreadable("token_too_long", f"taskToken has over {MAX_TOKEN} characters.")
    return token


class _Reader:
    """Reads optional fields of a payload; `flags` names those that are there but unusable."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        self.payload = payload
        self.flags: list[str] = []

    def text(self, name: str, limit: int) -> str:
        value = self.payload.get(name)
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > limit:
            self.flags.append(name)
            return ""
        return value

    def whole(self, name: str, lowest: int, highest: int) -> int | None:
        value = self.payload.get(name)
        if value is None:
            return None
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value):
            value = int(value)  # States.Format and JSONata's joins turn numbers into strings
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            self.flags.append(name)
            return None
        return value

    def reference(self) -> str:
        value = self.payload.get("orderId")
        if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
            self.flags.append("orderId")
            return ""
        if len(str(value)) > 256:
            self.flags.append("orderId")
        return str(value)[:256]


def _error(reader: _Reader) -> tuple[str, str]:
    """Name and cause of `error`: a string, null, or {Error, Cause} with a Cause that may be JSON."""
    error = reader.payload.get("error")
    if error is None:
        return "", ""
    if isinstance(error, str):
        return error[:256], error if len(error) > 256 else ""
    if not isinstance(error, dict):
        reader.flags.append("error")
        return "", ""
    name, cause = error.get("Error"), error.get("Cause")
    if name is not None and not isinstance(name, str):
        reader.flags.append("error")
    return (name[:256] if isinstance(name, str) else ""), _cause(cause)


def _cause(cause: Any) -> str:
    """A cause as text: of a Lambda's Cause, which is JSON text, its errorMessage."""
    if not isinstance(cause, str):
        return "" if cause is None else json.dumps(cause, ensure_ascii=False)[:32_768]
    try:
        inner = json.loads(cause)
    except (ValueError, RecursionError):
        return cause
    message = inner.get("errorMessage") if isinstance(inner, dict) else None
    if not isinstance(message, str):
        return cause
    try:
        check_text(message)  # an escape in the inner JSON may hide what the outer one did not show
    except Unreadable:
        return cause
    return message
