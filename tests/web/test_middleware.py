"""Probes are answered before any other middleware: by address, over plain http; nothing else is."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.fixtures import Settings


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz/live", "/healthz/ready"])
@pytest.mark.parametrize("host", ["10.1.2.3:8000", "", "[::1]", "a_b"])
def test_a_probe_needs_no_host_and_no_https(
    settings: Settings, caplog: pytest.LogCaptureFixture, path: str, host: str
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["countersign.example"]
    response = Client().get(path, headers={"Host": host})
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert caplog.records == []
    assert Client().post(path, headers={"Host": host}).status_code == 405


@pytest.mark.django_db
def test_anything_else_still_asks_for_our_host(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["countersign.example"]
    assert Client().get("/", headers={"Host": "10.1.2.3"}).status_code == 400
    assert Client().get("/healthz/", headers={"Host": "10.1.2.3"}).status_code == 400


@pytest.mark.django_db
def test_metrics_stay_open_to_http(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get("/metrics").status_code == 200
