"""A queue that asks for heartbeats, and a sender of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from approvals.gateways import stepfunctions
from approvals.models import ReviewQueue
from approvals.worker import heartbeats
from approvals.worker.heartbeats import HeartbeatSender
from tests import factories
from tests.worker.heartbeat_calls import Beats


@pytest.fixture
def beats(monkeypatch: pytest.MonkeyPatch) -> Beats:
    """Step Functions takes every beat."""
    made = Beats()
    monkeypatch.setattr(stepfunctions, "send_task_heartbeat", made)
    return made


@pytest.fixture
def living(db: None) -> ReviewQueue:
    """A queue whose workflow has HeartbeatSeconds 30."""
    return factories.queue("living", heartbeat_seconds=30)


@pytest.fixture
def sender(monkeypatch: pytest.MonkeyPatch) -> Iterator[HeartbeatSender]:
    """A heartbeat sender whose turns the test makes; one without work does not wait for any."""
    monkeypatch.setattr(heartbeats, "LONGEST_WAIT", 0.05)
    made = HeartbeatSender()
    yield made
    made.close()
