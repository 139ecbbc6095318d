"""How many tokens the quota keeps alive: it is reported, warned about, and never exceeded."""

from __future__ import annotations

import re
import time

import pytest
from django.test import Client

from approvals.actions import intake
from approvals.gateways.errors import Answer
from approvals.models import Heartbeat, ReviewQueue
from approvals.records import service_quotas
from approvals.worker.heartbeats import HeartbeatSender
from tests import factories
from tests.worker.heartbeat_calls import OK, Beats, until_quiet

pytestmark = pytest.mark.django_db(transaction=True)


def gauge(name: str, queue: str = "living") -> float | None:
    """A gauge of the web server's /metrics; no worker runs in its process."""
    page = Client().get("/metrics").content.decode()
    line = re.search(rf'^countersign_heartbeat{name}{{queue="{queue}"}} (.+)$', page, re.MULTILINE)
    return float(line[1]) if line else None


def test_it_reports_how_many_tokens_there_are_and_warns_when_they_are_too_many(
    living: ReviewQueue,
    beats: Beats,
    sender: HeartbeatSender,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(3):
        factories.review(living)

    until_quiet(sender)

    assert "heartbeats.load" in caplog.text
    assert "too_many" not in caplog.text
    assert gauge("_open_tokens") == 3
    assert gauge("_capacity_tokens") == 250 * 10  # half of 500 a second, each token every 10 s
    assert gauge("s_due") is not None

    monkeypatch.setitem(service_quotas.QUOTAS, "us-east-1", 0.4)
    until_quiet(sender)

    assert gauge("_capacity_tokens") == 2
    assert "heartbeats.too_many_tokens" in caplog.text


def slow(token: str) -> Answer:
    """A call that takes as long as AWS does."""
    time.sleep(0.02)
    return OK


def test_five_hundred_due_tokens_are_beaten_within_the_quota(
    living: ReviewQueue, beats: Beats, sender: HeartbeatSender
) -> None:
    factories.queue("living", heartbeat_seconds=300)
    for _ in range(5):
        intake.accept(living, [factories.received() for _ in range(100)])
    beats.answer = slow
    began = time.monotonic()

    until_quiet(sender)
    while Heartbeat.objects.filter(beaten_at=None).exists():
        sender.turn()

    took = time.monotonic() - began
    assert len(beats) == len(beats.times) == 500
    assert took > (500 - 250) / 250 * 0.9, "a burst of one second's share, then the rate"
