"""Messages as values and rows: what is read, which of one token counts, and which equal JSON is no conflict."""

from __future__ import annotations

import json
from typing import Any

import pytest

from approvals import messages
from approvals.actors import COMMAND_LINE
from approvals.models import AuditEvent, ReviewQueue, ReviewTask
from approvals.records import audit, intake
from approvals.records.intake import Readable, Refused
from tests import factories
from tests.factories import message, received

pytestmark = pytest.mark.django_db


def readable(queue: ReviewQueue, body: Any = None) -> Readable:
    """A parsed message of the queue."""
    item = intake.read(queue, received(body))
    assert isinstance(item, Readable)
    return item


def test_a_readable_message_has_a_fingerprint_of_its_token_alone(queue: ReviewQueue) -> None:
    body = message()

    one, other = readable(queue, body), readable(queue, body | {"title": "Another"})

    assert one.refusal is None
    assert one.fingerprint == other.fingerprint
    assert one.digest != other.digest


def test_what_cannot_be_parsed_is_refused_with_its_reason(queue: ReviewQueue) -> None:
    refused = intake.read(queue, received("{half"))

    assert isinstance(refused, Refused)
    assert refused.reason == "not_json"


def test_a_bug_of_the_parser_is_logged_with_its_place_and_without_the_message(
    queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(body: str) -> None:
        raise ZeroDivisionError(body)

    monkeypatch.setattr(messages, "parse", crash)

    refused = intake.read(queue, received(title="do not repeat this"), message="m-1")

    assert isinstance(refused, Refused)
    assert (refused.reason, refused.explanation) == ("parser_failed", "ZeroDivisionError")
    assert "ZeroDivisionError in crash, test_intake.py" in caplog.text
    assert "m-1" in caplog.text
    assert "do not repeat this" not in caplog.text


def test_of_two_messages_with_one_token_the_first_becomes_the_review(queue: ReviewQueue) -> None:
    body = message(title="first")
    items = [readable(queue, body), readable(queue, body | {"title": "second"})]

    intake.insert(queue, items)

    assert ReviewTask.objects.get().title == "first"
    reviews = intake.stored(items)
    assert intake.refusal_of(items[0], reviews) is None
    refusal = intake.refusal_of(items[1], reviews)
    assert refusal is not None
    assert refusal.reason == "conflict"
    assert str(ReviewTask.objects.get().pk) in refusal.explanation


def test_a_message_that_is_not_admitted_becomes_no_review(queue: ReviewQueue) -> None:
    queue = factories.queue(queue.slug, state_machine_arns=[message()["stateMachineArn"] + "-2"])
    item = readable(queue)

    assert intake.insert(queue, [item]) == []

    refusal = intake.refusal_of(item, intake.stored([item]))
    assert refusal is not None
    assert refusal.reason == "not_admitted"


def test_the_same_json_in_another_spelling_is_the_same_message(queue: ReviewQueue) -> None:
    body = message()
    intake.insert(queue, [readable(queue, body)])
    spelt = json.dumps(dict(reversed(body.items())), indent=3)

    again = readable(queue, spelt)

    assert intake.refusal_of(again, intake.stored([again])) is None


def test_without_its_key_the_stored_message_counts_as_another(
    queue: ReviewQueue, settings: Any
) -> None:
    body = message()
    intake.insert(queue, [readable(queue, body)])
    settings.TOKEN_KEYS = {"another": bytes(32)}

    again = readable(queue, json.dumps(body, indent=3))

    refusal = intake.refusal_of(again, intake.stored([again]))
    assert refusal is not None
    assert refusal.reason == "conflict"


def test_an_arrival_opens_the_chain_with_who_brought_it_and_what_is_said_of_it(
    queue: ReviewQueue,
) -> None:
    (row,) = intake.insert(queue, [readable(queue)])

    intake.record_arrival(queue, [row], by=COMMAND_LINE, about={"quarantined": "q-1"})

    event = AuditEvent.objects.get(chain=audit.chain(row))
    assert (event.seq, event.kind, event.surface) == (1, "review.received", "command")
    assert event.data["quarantined"] == "q-1"
    assert event.data["token_fingerprint"] == bytes(row.token_fingerprint).hex()
    assert audit.verify(audit.chain(row)) == []
