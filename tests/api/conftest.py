"""Fixtures of the API's tests: its OpenAPI document, and a served desk on which its examples are tried."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from approvals.orchestration import fulfillment
from approvals.records import wake_ups
from tests.api.desk_for_examples import World
from tests.api.schema_documents import Document


@pytest.fixture(scope="package")
def schema(django_db_setup: None) -> Document:
    """The OpenAPI document, as a client without any right gets it; one for all tests, which only read it."""
    from django.test import Client  # noqa: PLC0415

    document: Document = Client().get("/api/schema/", HTTP_ACCEPT="application/json").json()
    return document


@pytest.fixture
def world(
    live_server: LiveServer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    transactional_db: None,
) -> World:
    """A served desk, and a caller who may do everything."""
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = (
        "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
    )
    settings.ORDER_BATCH_STATE_MACHINE_ARN = (
        "arn:aws:states:us-east-1:123456789012:stateMachine:order-batch"
    )
    settings.ORDER_BUCKETS = ["daily-orders"]
    monkeypatch.setattr(fulfillment, "PATIENCE", 0)
    monkeypatch.setattr(wake_ups, "after_commit", lambda *_, **__: None)
    return World(live_server.url)
