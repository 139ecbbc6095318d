"""A world to send requests into, in which AWS is away and nobody waits for it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from django.test import Client

from approvals.models import (
    AuditEvent,
    Decision,
    IdempotencyKey,
    OrderExecution,
    OutboxEntry,
    ReviewTask,
)
from approvals.orchestration import fulfillment
from tests.fuzz.world import MACHINE, World


@pytest.fixture
def away(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS is away, and nobody waits for it; nothing is throttled, and nothing is logged."""
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = MACHINE
    settings.ORDER_BATCH_STATE_MACHINE_ARN = f"{MACHINE}-batch"
    settings.DAILY_ORDERS_STATE_MACHINE_ARN = f"{MACHINE}-daily"
    settings.ORDER_BUCKETS = ["daily-orders"]
    settings.API_RATE_PER_MINUTE = 0
    monkeypatch.setattr(fulfillment, "PATIENCE", 0)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def world(db: None, away: None) -> World:
    """Rows in each state, and a token of each kind."""
    built = World(seed=1, stock=2)
    built.build()
    return built


@pytest.fixture
def program(world: World) -> Client:
    """A program that may do everything."""
    return with_token(world.tokens["everything"])


@pytest.fixture
def unchanged(db: None) -> Callable[[], AbstractContextManager[None]]:
    """`with unchanged():` fails where a row of what matters has come, gone or changed."""

    @contextmanager
    def watch() -> Iterator[None]:
        before = _state()
        yield
        assert _state() == before

    return watch


def _state() -> Any:
    reviews = ReviewTask.objects.order_by("pk").values_list("pk", "status", "version", "lease_id")
    counted = (AuditEvent, Decision, OrderExecution, OutboxEntry, IdempotencyKey)
    return list(reviews), [model._default_manager.count() for model in counted]


def with_token(token: str | None, **headers: Any) -> Client:
    """A client with a bearer token, or with none."""
    if token is not None:
        headers["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return Client(raise_request_exception=False, **headers)


def problem(answer: Any) -> dict[str, Any]:
    """The problem document of a refusal."""
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.content)
    assert answer.headers["Content-Type"] == "application/problem+json", answer.content
    document: dict[str, Any] = answer.json()
    assert document["status"] == answer.status_code
    return document
