"""Received messages: readable, or refused with a reason."""

from __future__ import annotations

from typing import Any

import pytest

from approvals import messages
from approvals.models import ReviewQueue
from approvals.records import received_messages
from approvals.records.received_messages import Refused
from tests import factories
from tests.factories import message, received

pytestmark = pytest.mark.django_db


def test_a_readable_message_has_a_fingerprint_of_its_token_alone(queue: ReviewQueue) -> None:
    body = message()

    one, other = (
        factories.readable(queue, body),
        factories.readable(queue, body | {"title": "Another"}),
    )

    assert one.refusal is None
    assert one.fingerprint == other.fingerprint
    assert one.digest != other.digest


def test_what_cannot_be_parsed_is_refused_with_its_reason(queue: ReviewQueue) -> None:
    refused = received_messages.read(queue, received("{half"))

    assert isinstance(refused, Refused)
    assert refused.reason == "not_json"


def test_a_bug_of_the_parser_is_logged_with_its_place_and_without_the_message(
    queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(body: str, *about: Any) -> None:
        raise ZeroDivisionError(body)

    monkeypatch.setattr(messages, "parse", crash)

    refused = received_messages.read(queue, received(title="do not repeat this"), message="m-1")

    assert isinstance(refused, Refused)
    assert (refused.reason, refused.explanation) == ("parser_failed", "ZeroDivisionError")
    assert "ZeroDivisionError in crash, test_received_messages.py" in caplog.text
    assert "m-1" in caplog.text
    assert "do not repeat this" not in caplog.text
