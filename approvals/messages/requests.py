"""Parses the body of an SQS message into a frozen ReviewRequest. Pure: no Django, no database, no clock.

A body that holds no usable task token raises Unreadable with a reason for the quarantine. A bad optional
field never does, nor does any other odd value: it stays in the payload and is named in `flags`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from approvals.messages import task_tokens
from approvals.messages.fields import Reader
from approvals.messages.task_tokens import TaskToken
from approvals.untrusted import lenient_json, message_fields, redaction
from approvals.untrusted.message_fields import BARE_TOKEN, TOKEN
from approvals.untrusted.strict_json import Unreadable

MAX_TIMEOUT = 99_999_999  # Amazon States Language: TimeoutSeconds
MAX_FLAGS, MAX_FLAG = 50, 100  # fields; characters of a name
_MAJOR = re.compile(r"\s*v?([0-9]+)(?![0-9])")


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

    Field names may be in any spelling (TaskToken, task_token). Raises Unreadable for a body that is not
    a JSON object with exactly one text that can be a task token.
    """
    document = lenient_json.read(body)
    if not isinstance(document, dict):
        raise Unreadable("not_an_object", "The body is JSON, but not an object.")
    token = token_of(document)
    stored, changed = lenient_json.storable(document)
    payload = redaction.redact(stored, token)
    reader = Reader(payload)
    _check_version(reader)
    error_name, error_cause = reader.error()
    return ReviewRequest(
        token=TaskToken(token),
        payload=payload,
        reference=reader.reference(),
        title=reader.text("title", 200),
        error_name=redaction.redact(error_name, token),
        error_cause=redaction.redact(error_cause, token),  # JSON inside it was parsed here
        execution_arn=reader.text("executionArn", 512),
        state_machine_arn=reader.text("stateMachineArn", 512),
        definition_revision=reader.text("definitionRevision", 128),
        state_name=reader.text("stateName", 128),
        retry_count=reader.whole("retryCount", 0, 10**6) or 0,
        redrive_count=reader.whole("redriveCount", 0, 10**6) or 0,
        item_index=reader.whole("itemIndex", 0, 2**31 - 1),
        timeout_seconds=reader.whole("timeoutSeconds", 1, MAX_TIMEOUT),
        priority=reader.whole("priority", -32_768, 32_767) or 0,
        flags=_flags(changed, reader),
    )


def token_of(document: Mapping[str, Any]) -> str:
    """The task token of a message, under any spelling of taskToken, else under `token`.

    Raises Unreadable if there is none, if spellings hold different tokens, or if what stands there cannot
    be a task token.
    """
    found = dict.fromkeys(_candidates(document))
    texts = {value: key for key, value in found if isinstance(value, str) and value.strip()}
    if not texts:
        raise Unreadable("no_token", _nothing_found(document))
    if len(texts) > 1:
        keys = " and ".join(dict.fromkeys(key for key, _ in found))
        raise Unreadable(
            "several_tokens", f"Different texts stand under {keys[:100]}: send one token."
        )
    token, key = next(iter(texts.items()))
    task_tokens.check(token, key)
    return token


def _candidates(document: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What stands under the names of the token, with all values of a key that stands twice."""
    keys = [key for key, _ in message_fields.standing(document, TOKEN)]
    if not keys and BARE_TOKEN in document:
        keys = [BARE_TOKEN]
    repeated: Mapping[str, list[Any]] = getattr(document, "repeated", {})
    values = [(key, value) for key in keys for value in repeated.get(key, [document[key]])]
    return [(key, value) for key, value in values if isinstance(value, str)]


def _nothing_found(document: Mapping[str, Any]) -> str:
    for key in document:
        if key.endswith(".$") and message_fields.is_token_name(key.removesuffix(".$")):
            return (
                f"The key {key[:40]!r} came as it is written in a definition: the state did not evaluate"
                " it, because it is JSONata, or because the key stands outside Parameters."
            )
    for key, _ in message_fields.standing(document, TOKEN):
        return f"Under {key} stands no text, so no task token."
    return "The body has no taskToken, TaskToken or task_token."


def _flags(changed: Iterable[str], reader: Reader) -> tuple[str, ...]:
    """The fields that were changed or could not be used, each once, as many as a page can list."""
    named = dict.fromkeys([*changed, *reader.flags])
    return tuple(redaction.redact_text(name[:MAX_FLAG]) for name in list(named)[:MAX_FLAGS])


def _check_version(reader: Reader) -> None:
    """Refuse a message of another major version; what is no version at all is flagged."""
    key, stated = reader.value("schemaVersion")
    if stated is None:
        return
    found = None if isinstance(stated, bool | list | dict) else _MAJOR.match(str(stated))
    if found is None:
        reader.flags.append(key)
    elif int(found[1][:20]) != 1:
        shown = str(stated)[:20]
        raise Unreadable("unknown_version", f"{key} {shown!r} is not understood: only 1 is.")
