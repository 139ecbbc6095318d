"""Probes: whether the process is alive and ready, and who may read its metrics."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from pytest_django.fixtures import Settings

from config import probes
from tests.web.absent_database import away


@pytest.mark.django_db
def test_a_probe_says_that_the_database_is_away() -> None:
    with away(OperationalError):
        assert Client().get("/healthz/live").status_code == 200
        assert Client().get("/healthz/ready").status_code == 503


@pytest.mark.django_db
def test_with_a_port_for_probes_metrics_are_served_there_alone(settings: Settings) -> None:
    settings.PROBE_PORT = 8001

    assert Client().get("/metrics").status_code == 404
    assert Client().get("/metrics", headers={probes.MARK: "1"}).status_code == 404
    by_the_port: Any = {probes.MARK: True}
    assert Client().get("/metrics", **by_the_port).status_code == 200
    assert Client().get("/healthz/live").status_code == 200


@pytest.mark.django_db
def test_metrics_are_served_by_address_and_never_through_a_proxy() -> None:
    direct = {"Host": "10.0.1.5:8000"}
    through_the_proxy = direct | {"X-Forwarded-For": "192.0.2.1"}

    assert Client().get("/metrics", headers=direct).status_code == 200
    assert Client().get("/metrics", headers=through_the_proxy).status_code == 404
