"""Rows of quarantine: stored sealed and once, whatever the bytes, and shown without the task token."""

from __future__ import annotations

import json
from typing import Any

import pytest

from approvals.exceptions import KeyMissing
from approvals.models import AuditEvent, QuarantinedMessage, ReviewQueue
from approvals.records import audit, audit_verification, quarantined_messages
from approvals.records.received_messages import Refused
from tests.canary import CANARY, assert_no_canary
from tests.factories import received

pytestmark = pytest.mark.django_db
QUEUE, DEAD_LETTERS = QuarantinedMessage.Origin.QUEUE, QuarantinedMessage.Origin.DEAD_LETTERS


def refused(body: str, explanation: str = "It is no JSON.") -> Refused:
    return Refused(received(body), "not_json", explanation)


def test_a_message_is_stored_once_and_its_chain_is_opened_once(queue: ReviewQueue) -> None:
    items = [refused("{a"), refused("{b")]

    assert quarantined_messages.store(queue, items, QUEUE) == 2
    assert quarantined_messages.store(queue, items, QUEUE) == 0

    for row in QuarantinedMessage.objects.all():
        (event,) = AuditEvent.objects.filter(chain=audit.chain(row))
        assert event.data["reason"] == "not_json"
        assert audit_verification.verify(audit.chain(row)) == []


@pytest.mark.parametrize("body", ["half of \ud800", "nul \0", "", "\ufeff{"])
def test_its_bytes_are_sealed_and_come_back_as_they_were(body: str, queue: ReviewQueue) -> None:
    quarantined_messages.store(queue, [refused(body)], QUEUE)

    row = QuarantinedMessage.objects.get()

    plain = body.encode(errors="surrogatepass")
    assert quarantined_messages.body_of(row) == plain
    assert row.raw_body_bytes == len(plain)
    assert len(plain) < 4 or plain not in bytes(row.raw_body)


def test_an_explanation_is_made_storable(queue: ReviewQueue) -> None:
    quarantined_messages.store(queue, [refused("{", "a\0b" + "x" * 400)], QUEUE)

    assert QuarantinedMessage.objects.get().explanation == "ab" + "x" * 298


def test_a_dead_letter_says_so_before_its_own_reason(queue: ReviewQueue) -> None:
    quarantined_messages.store(queue, [refused("{")], DEAD_LETTERS)

    row = QuarantinedMessage.objects.get()
    assert (row.reason, row.origin) == ("dead_letter", "dead_letters")
    assert row.explanation == "SQS gave it up after too many receives. It is no JSON."


def test_it_is_shown_without_the_token(queue: ReviewQueue) -> None:
    body = json.dumps({"taskToken": CANARY, "note": f"as {CANARY} says"})
    quarantined_messages.store(queue, [refused(body)], QUEUE)

    shown = quarantined_messages.redacted_body(QuarantinedMessage.objects.get())

    assert_no_canary(shown)
    assert json.loads(shown) == {"taskToken": "[task token]", "note": "as [task token] says"}


def test_without_the_key_nothing_is_shown(queue: ReviewQueue, settings: Any) -> None:
    quarantined_messages.store(queue, [refused("{")], QUEUE)
    settings.TOKEN_KEYS = {"another": bytes(32)}

    with pytest.raises(KeyMissing):
        quarantined_messages.redacted_body(QuarantinedMessage.objects.get())
