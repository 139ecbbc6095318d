"""Envelopes around a message: SNS, EventBridge, Lambda, Pipes, JSON in a text, base64, gzip, S3 pointers.

An envelope is opened only while the value itself holds no task token, at most MAX_ENVELOPES deep, and never
to more than 1 MiB. The bytes that SQS gave are stored as they came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from approvals import arns
from approvals.messages import pointers
from approvals.messages.pointers import Pointer
from approvals.untrusted import base64_text, display, lenient_json
from approvals.untrusted.strict_json import MAX_BYTES, Unreadable

MAX_ENVELOPES = 8
SEVERAL = "several_messages"


@dataclass(frozen=True)
class Extras:
    """What belongs to a message beside its body.

    `attributes` are its SQS message attributes, as texts; `fetched` is the text of the object that its S3
    pointer names, and `not_fetched` why that was not read.
    """

    attributes: Mapping[str, str] = field(default_factory=dict)
    fetched: str | None = None
    not_fetched: str = ""


class PointerNotRead(Unreadable):
    """The message lies in S3 and was not read there; `pointer` says where."""

    def __init__(self, pointer: Pointer, why: str) -> None:
        self.pointer = pointer
        why = (
            why
            or "allow its bucket (register_queue --pointer-bucket), then replay the message (quarantine replay)."
        )
        shown = f"{str(pointer)[:120]!r}"
        super().__init__(
            "s3_pointer", f"An S3 pointer of an extended client to {shown}: {why}"[:300]
        )


@dataclass(frozen=True)
class Opened:
    """What lay in the envelopes, their names from the outside in, and the attributes they carried.

    `characters` is the length of the longest text, the body's included: one of a kilobyte may hold a megabyte.
    """

    value: Any
    envelopes: tuple[str, ...]
    attributes: Mapping[str, str]
    characters: int


class PlainText(str):
    """A message that is no JSON, whose token is in an attribute."""

    __slots__ = ()


def opened(
    body: str,
    extras: Extras,
    has_token: Callable[[Any], bool],
    has_token_beside: Callable[[Mapping[str, str]], bool],
) -> Opened:
    """Open a body's envelopes until a value `has_token`, or is no envelope.

    What is no JSON is a PlainText if the attributes so far have a token. Raises Unreadable for any other
    that is no JSON, holds several messages, or unpacks to more than 1 MiB, and PointerNotRead for an S3
    pointer whose object was not fetched.
    """
    opening = _Opening(extras, dict(extras.attributes), has_token_beside, len(body))
    pointer = pointers.of_attributes(extras.attributes)
    value = opening.text(body, "") if pointer is None else opening.object_of(pointer)
    while not has_token(value):
        inner = opening.once(value)
        if inner is NO_ENVELOPE:
            break
        value = inner
    return Opened(value, tuple(opening.names), opening.attributes, opening.characters)


NO_ENVELOPE = object()


class _Opening:
    """The state of opening one body."""

    def __init__(
        self,
        extras: Extras,
        attributes: dict[str, str],
        has_token_beside: Callable[[Mapping[str, str]], bool],
        characters: int,
    ) -> None:
        self.extras, self.attributes = extras, attributes
        self.has_token_beside = has_token_beside
        self.names: list[str] = []
        self.is_fetched = False
        self.characters = characters

    def once(self, value: Any) -> Any:
        """What lies in an envelope; NO_ENVELOPE if `value` is none."""
        pointer = pointers.of_value(value)
        if pointer is not None:
            return self.object_of(pointer)
        if isinstance(value, str) and not isinstance(value, lenient_json.AsText | PlainText):
            return self.named("JSON text", value, "a JSON text whose content")
        if isinstance(value, list):
            return self.of_list(value)
        return self.of_object(value) if isinstance(value, dict) else NO_ENVELOPE

    def of_list(self, value: list[Any]) -> Any:
        if _are_records(value):
            return self.records(value, "Pipes batch")
        if not value or not all(isinstance(one, dict) and one for one in value):
            return NO_ENVELOPE
        first, *others = value
        if others:
            explanation = f"A list of {len(value)} messages: send each by itself."
            raise Unreadable(SEVERAL, explanation)
        self.enter("list of one")
        return first

    def of_object(self, value: dict[str, Any]) -> Any:
        if isinstance(value.get("Records"), list):
            return self.records(value["Records"], "Lambda event")
        if isinstance(value.get("Message"), str) and _SNS & value.keys():
            self.add_attributes(value.get("MessageAttributes"))
            return self.sns(value)
        if "detail-type" in value and "detail" in value:
            self.add_resources(value.get("resources"))
            return self.named(
                "EventBridge event", value["detail"], "an EventBridge event whose detail"
            )
        for name, marks, content in _OTHERS:
            if marks & value.keys() and isinstance(value.get(content), str | dict):
                return self.named(name, value[content], f"of the kind {name} whose {content}")
        return self.record(value) if _is_record(value) else NO_ENVELOPE

    def sns(self, value: dict[str, Any]) -> Any:
        if value.get("Type") in ("SubscriptionConfirmation", "UnsubscribeConfirmation"):
            raise Unreadable(
                "no_token", f"SNS asks to confirm: a {value['Type']}, which is no message."
            )
        return self.named("SNS notification", value["Message"], "an SNS envelope whose Message")

    def records(self, records: list[Any], name: str) -> Any:
        if len(records) != 1:
            explanation = f"A {name} with {len(records)} records: send each message by itself."
            raise Unreadable(SEVERAL, explanation)
        [record] = records
        if not _is_record(record):
            raise Unreadable(
                "no_token", f"A {name} whose record holds no message in body, Sns or data."
            )
        self.enter(name)
        return self.record(record)

    def record(self, record: dict[str, Any]) -> Any:
        self.add_attributes(record.get("messageAttributes"))
        stated = str(record.get("eventSource") or record.get("EventSource") or "")
        source = display.visible(stated[:40])  # jsonb refuses NUL and half a surrogate pair
        name = f"record of {source}" if source else "record"
        if isinstance(record.get("Sns"), dict):
            self.add_attributes(record["Sns"].get("MessageAttributes"))
            return self.named(name, record["Sns"].get("Message"), f"a {name} whose Message")
        inner = record.get("body", record.get("data"))
        if inner is None:  # a record has one of the three
            inner = record["kinesis"].get("data")
        return self.named(name, inner, f"a {name} whose content")

    def named(self, name: str, inner: Any, what: str) -> Any:
        """The content of an envelope, read if it is a text."""
        self.enter(name)
        return self.text(inner, what) if isinstance(inner, str) else inner

    def enter(self, name: str, place: int | None = None) -> None:
        """Note the name of an envelope, at its place if others in it are noted already. Raises Unreadable."""
        self.names.insert(len(self.names) if place is None else place, name)
        if len(self.names) > MAX_ENVELOPES:
            raise Unreadable(
                "too_deep", f"The message lies in more than {MAX_ENVELOPES} envelopes."
            )

    def text(self, text: str, what: str) -> Any:
        """The value in a text of JSON, or of base64 of it. `what` is the envelope, for a refusal."""
        self.characters = max(self.characters, len(text))
        try:
            return lenient_json.read(text)
        except Unreadable as error:
            if error.reason == "not_json":
                unpacked = self.unpacked(text)
                if unpacked is not None:
                    return self.text(unpacked, "base64 whose content")
                if self.has_token_beside(self.attributes):
                    return PlainText(text)
            if not what:
                raise
            said = error.explanation.removeprefix("The body is not JSON: ")
            explanation = f"The message is {what} is no JSON: {said}"[:300]
            raise Unreadable(error.reason, explanation) from None

    def unpacked(self, text: str) -> str | None:
        """The text in base64, compressed or not; None if it holds none that could be JSON."""
        packed = base64_text.decoded(text)
        if packed is None:
            return None
        compressed = base64_text.is_compressed(packed)
        plain = _inflated(packed) if compressed else packed
        try:
            inner = plain.decode("utf-8-sig")
        except UnicodeDecodeError:
            return None
        place = len(self.names)
        if not compressed and not inner.lstrip().startswith(("{", "[", '"')):
            deeper = self.unpacked(inner)  # each turn is a quarter shorter
            if deeper is None:
                return None
            inner = deeper
        self.enter("gzip in base64" if compressed else "base64", place)
        return inner

    def object_of(self, pointer: Pointer) -> Any:
        """The value in the object that a pointer names. Raises PointerNotRead."""
        if self.extras.fetched is None or self.is_fetched:
            raise PointerNotRead(pointer, self.extras.not_fetched)
        self.is_fetched = True
        self.enter(f"S3 object in {pointer.bucket[:63]}")
        return self.text(self.extras.fetched, "an S3 object whose content")

    def add_resources(self, resources: Any) -> None:
        """Take over the execution that Step Functions names in the resources of its events.

        Developer guide, "Add EventBridge events": the ARNs of the execution and of the state machine are
        added to the resources of each entry.
        """
        for arn in resources[:20] if isinstance(resources, list) else ():
            if isinstance(arn, str) and arns.is_execution(arn):
                self.attributes.setdefault("executionArn", arn)

    def add_attributes(self, members: Any) -> None:
        """Take over the attributes of an envelope, in the form of SNS, of Lambda or of SQS."""
        for name, attribute in members.items() if isinstance(members, dict) else ():
            if isinstance(attribute, dict):
                values = [attribute.get(key) for key in ("Value", "stringValue", "StringValue")]
                found = next((value for value in values if isinstance(value, str)), None)
                if found is not None:
                    self.attributes.setdefault(name, found)


# What makes an object with a text called Message one of SNS.
_SNS = frozenset(("TopicArn", "Type", "MessageId"))
# Other envelopes: the name, a member that each has, and the member that holds the message. CloudEvents 1.0,
# JSON format; a request to SQS that was sent as the message itself; a request to API Gateway or a function URL.
_OTHERS = (
    ("CloudEvent", frozenset(("specversion",)), "data"),
    ("CloudEvent", frozenset(("specversion",)), "data_base64"),
    ("request to SQS", frozenset(("QueueUrl", "MessageBody")), "MessageBody"),
    ("HTTP request", frozenset(("isBase64Encoded", "httpMethod", "requestContext")), "body"),
)


def _are_records(value: list[Any]) -> bool:
    return bool(value) and all(
        _is_record(one) and ("eventSource" in one or "EventSource" in one) for one in value
    )


def _is_record(value: Any) -> bool:
    """Whether a value is a record of an event source that holds a message."""
    if not isinstance(value, dict):
        return False
    if isinstance(value.get("Sns"), dict) or isinstance(value.get("kinesis"), dict):
        return True
    has_source = bool({"eventSource", "EventSource", "receiptHandle", "messageId"} & value.keys())
    return has_source and isinstance(value.get("body", value.get("data")), str | dict)


def _inflated(packed: bytes) -> bytes:
    """What a gzip or zlib stream holds. Raises Unreadable beyond 1 MiB, or if it is broken."""
    try:
        return base64_text.inflated(packed)
    except base64_text.BrokenError:
        explanation = "The message is base64 of a compressed text that is broken."
        raise Unreadable("not_json", explanation) from None
    except base64_text.TooLargeError:
        explanation = (
            f"The compressed message unpacks to more than {MAX_BYTES} bytes,"
            f" or to over {base64_text.MOST_TIMES} times its size."
        )
        raise Unreadable("too_large", explanation) from None
