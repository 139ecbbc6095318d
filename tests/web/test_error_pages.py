"""When something is away: pages without the database, probes by address, and logs without live links."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client
from django.urls import reverse

from approvals.models import User
from config import logging as logs
from tests import factories

SECRET = "3f-d4c0de-0123456789abcdef"


@pytest.fixture
def patient(alice: User) -> Client:
    """Alice's browser, whose server answers a fault instead of raising it into the test."""
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    return client


def away(fault: type[Exception]) -> Any:
    """A database that fails whatever it is asked."""

    def fail(*_: object) -> None:
        raise fault("the server closed the connection: password=hunter2")

    return connection.execute_wrapper(fail)


@pytest.mark.parametrize("fault", [OperationalError, InterfaceError])
@pytest.mark.parametrize("name", ["home", "account_login", "account_logout"])
def test_the_page_of_an_absent_database_asks_it_nothing(
    patient: Client, fault: type[Exception], name: str
) -> None:
    with away(fault):
        response = patient.get(reverse(name))
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert "approvals/app.css" in response.content.decode()
    assert "hunter2" not in response.content.decode()
    assert patient.get("/").status_code == 200  # still signed in, once it is back


def test_an_error_in_the_middle_of_a_page_has_its_page_too(
    patient: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OperationalError("canceling statement due to lock timeout")

    monkeypatch.setattr("approvals.web.home.queue_summaries", broken)
    response = patient.get("/")
    assert (response.status_code, response["Retry-After"]) == (503, "5")


@pytest.mark.django_db
def test_signing_in_without_a_database_has_its_page(alice: User) -> None:
    client = Client(raise_request_exception=False)
    with away(OperationalError):
        response = client.post(
            reverse("account_login"), {"login": alice.email, "password": factories.PASSWORD}
        )
    assert response.status_code == 503


# --- probes


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz/live", "/healthz/ready"])
@pytest.mark.parametrize("host", ["10.1.2.3:8000", "", "[::1]", "a_b"])
def test_a_probe_needs_no_host_and_no_https(
    settings: Any, caplog: pytest.LogCaptureFixture, path: str, host: str
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["countersign.example"]
    response = Client().get(path, headers={"Host": host})
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert caplog.records == []
    assert Client().post(path, headers={"Host": host}).status_code == 405


@pytest.mark.django_db
def test_a_probe_says_that_the_database_is_away() -> None:
    with away(OperationalError):
        assert Client().get("/healthz/live").status_code == 200
        assert Client().get("/healthz/ready").status_code == 503


@pytest.mark.django_db
def test_anything_else_still_asks_for_our_host(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["countersign.example"]
    assert Client().get("/", headers={"Host": "10.1.2.3"}).status_code == 400
    assert Client().get("/healthz/", headers={"Host": "10.1.2.3"}).status_code == 400


@pytest.mark.django_db
def test_metrics_stay_open_to_http(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get("/metrics").status_code == 200


@pytest.mark.django_db
def test_metrics_are_served_by_address_and_never_through_a_proxy() -> None:
    at = {"HTTP_HOST": "10.0.1.5:8000"}

    assert Client().get("/metrics", **at).status_code == 200
    assert Client().get("/metrics", HTTP_X_FORWARDED_FOR="192.0.2.1", **at).status_code == 404


@pytest.mark.django_db
def test_without_a_database_metrics_tell_what_the_process_knows() -> None:
    with away(OperationalError):
        page = Client().get("/metrics")

    assert page.status_code == 200
    assert b"django_http_requests" in page.content


# --- logs


@pytest.fixture(params=[False, True], ids=["json", "console"])
def lines(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What the service writes, through its own formatter."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    logs.configure(level="INFO", console=request.param)
    written = io.StringIO()
    handler = next(one for one in root.handlers if type(one) is logging.StreamHandler)
    handler.setStream(written)
    yield written
    logs.configure(level="INFO", console=False)
    root.handlers[:] = before
    root.setLevel(level)


@pytest.mark.django_db
def test_a_live_link_is_not_written_to_the_log(lines: io.StringIO, alice: User) -> None:
    client = Client(raise_request_exception=False)
    path = f"/accounts/password/reset/key/{SECRET}/"
    client.get(path)
    client.get(f"{path}x")  # 404: Django's own logger names the path
    client.get(f"{path}?next=/accounts/password/reset/key/{SECRET}/")
    client.get(reverse("account_login"), {"next": path})
    logging.getLogger("anybody").warning("kept %s", {"link": [path]})
    logging.getLogger("anybody").error("failed", exc_info=ValueError(path))
    written = lines.getvalue()
    assert SECRET not in written
    assert written.count("[link]") >= 7
    for line in written.splitlines() if written.startswith("{") else []:
        json.loads(line)
