"""Parses the body of an SQS message into a frozen ReviewRequest. Pure: no Django, no database, no clock.

A body that holds no usable task token raises Unreadable with a reason for the quarantine. A bad optional
field never does, nor does any other odd value: it stays in the payload and is named in `flags`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from approvals.messages import envelopes, pointers, task_tokens, token_places
from approvals.messages.envelopes import Extras
from approvals.messages.fields import Reader
from approvals.messages.maps import NO_MAP, MessageMap
from approvals.messages.task_tokens import TaskToken
from approvals.untrusted import lenient_json, message_fields, redaction
from approvals.untrusted.message_fields import TOKEN
from approvals.untrusted.strict_json import Unreadable

NO_EXTRAS = Extras()
MAX_TIMEOUT = 99_999_999  # Amazon States Language: TimeoutSeconds
MAX_FLAGS, MAX_FLAG = 50, 100  # fields; characters of a name
_MAJOR = re.compile(r"\s*v?([0-9]+)(?![0-9])")


@dataclass(frozen=True)
class ReviewRequest:
    """A manual-review message. `payload` is the whole message, its token redacted.

    `timeout_seconds` is TimeoutSeconds of the waiting state, if the message has it, or else `deadline_at` the
    time that it states. `envelopes` are the names of those that were opened, from the outside in, and
    `characters` the length of the longest text in them.
    """

    token: TaskToken
    payload: Mapping[str, Any]
    reference: str
    title: str
    error_name: str
    error_cause: str
    execution_arn: str
    state_machine_arn: str
    definition_revision: str
    state_name: str
    retry_count: int
    redrive_count: int
    item_index: int | None
    timeout_seconds: int | None
    deadline_at: datetime | None
    priority: int
    envelopes: tuple[str, ...]
    flags: tuple[str, ...]
    characters: int


@dataclass(frozen=True)
class Message:
    """A message out of its envelopes: the object that holds the token, and what the queue's map found."""

    document: dict[str, Any]
    token: str
    envelopes: tuple[str, ...]
    mapped: Mapping[str, tuple[str, Any]]
    characters: int


def parse(body: str, extras: Extras = NO_EXTRAS, message_map: MessageMap = NO_MAP) -> ReviewRequest:
    """Parse a message: the short `{taskToken, orderId, error}` or the full one of schemaVersion 1.

    Field names may be in any spelling (TaskToken, task_token), or where the queue's map says. Raises
    Unreadable for a body that holds no object with exactly one text that can be a task token.
    """
    message = read(body, extras, message_map)
    token = message.token
    stored, changed = lenient_json.storable(message.document)
    payload = redaction.redact(stored, token)
    mapped = {
        name: (path, redaction.redact(lenient_json.storable(value)[0], token))
        for name, (path, value) in message.mapped.items()
    }
    reader = Reader(payload, mapped)
    _check_version(reader)
    error_name, error_cause = reader.error()
    timeout, deadline_at = reader.deadline(MAX_TIMEOUT)
    return ReviewRequest(
        token=TaskToken(token),
        payload=payload,
        reference=reader.reference(),
        title=reader.text("title", 200),
        error_name=redaction.redact(error_name, token),
        error_cause=redaction.redact(error_cause, token),  # JSON inside it was parsed here
        execution_arn=reader.text("executionArn", 512) or reader.execution_id(),
        state_machine_arn=reader.text("stateMachineArn", 512),
        definition_revision=reader.text("definitionRevision", 128),
        state_name=reader.text("stateName", 128),
        retry_count=reader.whole("retryCount", 0, 10**6) or 0,
        redrive_count=reader.whole("redriveCount", 0, 10**6) or 0,
        item_index=reader.whole("itemIndex", 0, 2**31 - 1),
        timeout_seconds=timeout,
        deadline_at=deadline_at,
        priority=reader.whole("priority", -32_768, 32_767) or 0,
        envelopes=message.envelopes,
        flags=_flags(changed, reader),
        characters=message.characters,
    )


def read(body: str, extras: Extras = NO_EXTRAS, message_map: MessageMap = NO_MAP) -> Message:
    """Open a body's envelopes and find the token. Raises Unreadable as `parse` does.

    SQS message attributes with the names of known fields count like members that the body does not have.
    """

    def has_token(value: Any) -> bool:
        return isinstance(value, dict) and (
            any(message_fields.standing(value, TOKEN)) or TOKEN in message_map.values(value)
        )

    opened = envelopes.opened(body, extras, has_token, lambda beside: TOKEN in _fields_of(beside))
    document = _with_attributes(opened.value, opened.attributes)
    mapped = message_map.values(document)
    path, token = mapped.get(TOKEN, ("", None))
    if isinstance(token, str):
        task_tokens.check(token, path)
    else:
        token = token_of(document, message_map.token_path())
    return Message(document, token, opened.envelopes, mapped, opened.characters)


def _with_attributes(value: Any, attributes: Mapping[str, str]) -> dict[str, Any]:
    """A message with the attributes that its body does not have. Raises Unreadable for no object."""
    fields = _fields_of(attributes)
    if not isinstance(value, dict):
        if TOKEN not in fields:
            raise Unreadable("not_an_object", "The body is JSON, but not an object.")
        value = {"body": value}
    there = {message_fields.field_of(key): inner for key, inner in value.items()}
    key, beside = fields.get(TOKEN, ("", ""))
    if message_fields.is_bare_token(key):
        if TOKEN in there:
            del fields[TOKEN]  # of a payment, say: it counts only where no taskToken stands
        else:
            names = filter(message_fields.is_bare_token, value)
            there |= zip([TOKEN], map(value.get, names), strict=False)
    if TOKEN in fields and isinstance(there.get(TOKEN), str) and beside != there[TOKEN]:
        explanation = "One token stands in the body and another in a message attribute: send one."
        raise Unreadable("several_tokens", explanation)
    missing = {key: text for name, (key, text) in fields.items() if name not in there}
    if missing:
        repeated = getattr(value, "repeated", None)
        merged = lenient_json.WithRepeats(value | missing)
        merged.repeated = repeated or {}
        return merged
    document: dict[str, Any] = value
    return document


def attributes_used(attributes: Mapping[str, str]) -> dict[str, str]:
    """Of a message's attributes those that may count: known fields, and the pointer of an extended client."""
    return {
        key: text
        for key, text in attributes.items()
        if message_fields.field_of(key)
        or message_fields.is_bare_token(key)
        or key == pointers.ATTRIBUTE
    }


def _fields_of(attributes: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The attributes that are known fields, by field: the key and the text."""
    named = [(message_fields.field_of(key), key, text) for key, text in attributes.items()]
    found = {name: (key, text) for name, key, text in reversed(named) if name and text}
    for key, text in attributes.items():
        if text and message_fields.is_bare_token(key):
            found.setdefault(TOKEN, (key, text))
    return found


def token_of(document: Mapping[str, Any], mapped: str = "") -> str:
    """The task token of a message, under any spelling of taskToken, else under `token`.

    `mapped` is the path of the queue's map at which no text stands. Raises Unreadable if there is no token, if
    spellings hold different ones, or if what stands there cannot be one.
    """
    found = _candidates(document)
    texts = {text: key for key, text in found if text.strip()}
    if not texts:
        raise Unreadable("no_token", _nothing_found(document, mapped))
    (token, key), *others = texts.items()
    if others:
        keys = " and ".join(dict.fromkeys(key for key, _ in found))
        raise Unreadable(
            "several_tokens", f"Different texts stand under {keys[:100]}: send one token."
        )
    task_tokens.check(token, key)
    return token


def _candidates(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The texts that stand under the names of the token, with all of a key that stands twice."""
    keys = [key for key, _ in message_fields.standing(document, TOKEN)]
    if not keys:
        keys = [key for key in document if message_fields.is_bare_token(key)]
    repeated: Mapping[str, list[Any]] = getattr(document, "repeated", {})
    values = [(key, value) for key in keys for value in repeated.get(key, [document[key]])]
    return [(key, value) for key, value in values if isinstance(value, str)]


def _nothing_found(document: Mapping[str, Any], mapped: str) -> str:
    for key in document:
        if key.endswith(".$") and message_fields.is_token_name(key.removesuffix(".$")):
            return (
                f"The key {key[:40]!r} came as it is written in a definition: the state did not evaluate"
                " it, because it is JSONata, or because the key stands outside Parameters."
            )
    found = token_places.like_a_token(document)
    elsewhere = (
        f" A text that may be a task token stands at {found}: map it (register_queue --map"
        f" token={found}), then replay this message."
        if found
        else ""
    )
    for key, _ in message_fields.standing(document, TOKEN):
        return f"Under {key} stands no text, so no task token.{elsewhere}"
    if mapped:
        return f"The queue's map looks for the token at {mapped}, where no text stands.{elsewhere}"
    return f"The body has no taskToken, TaskToken or task_token.{elsewhere}"


def _flags(changed: Iterable[str], reader: Reader) -> tuple[str, ...]:
    """The fields that were changed or could not be used, each once, as many as a page can list."""
    named = dict.fromkeys([*changed, *reader.flags])
    return tuple(redaction.redact_text(name[:MAX_FLAG]) for name in list(named)[:MAX_FLAGS])


def _check_version(reader: Reader) -> None:
    """Refuse a message of another major version; what is no version at all is flagged."""
    key, stated = reader.value("schemaVersion")
    if stated is None:
        return
    found = None if isinstance(stated, list | dict) else _MAJOR.match(str(stated))
    if found is None:
        reader.flags.append(key)
    elif found[1].lstrip("0") != "1":
        shown = str(stated)[:20]
        raise Unreadable("unknown_version", f"{key} {shown!r} is not understood: only 1 is.")
