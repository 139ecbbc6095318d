"""Logs: one line an event, and at no level a line of a library that prints request bodies."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django import Settings

from config import logging as logs


@pytest.fixture
def restored() -> Iterator[None]:
    """The logging of the tests comes back, however it was configured meanwhile."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logs.configure(level="INFO", console=False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    ("level", "of_libraries"), [("DEBUG", "INFO"), ("INFO", "INFO"), ("ERROR", "ERROR")]
)
def test_what_prints_request_bodies_stays_above_debug(
    level: str, of_libraries: str, restored: None
) -> None:
    logs.configure(level=level, console=False)

    assert logging.getLevelName(logging.getLogger().level) == level
    for name in logs.BODY_PRINTERS:
        effective = logging.getLogger(f"{name}.endpoint").getEffectiveLevel()
        assert logging.getLevelName(effective) == of_libraries


def test_a_level_that_is_none_is_refused_by_its_name() -> None:
    with pytest.raises(ImproperlyConfigured, match="LOG_LEVEL"):
        logs.configure(level="LOUD", console=False)


def test_events_of_the_service_and_of_libraries_are_lines_of_one_format(
    restored: None, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(level="INFO", console=False)

    structlog.get_logger("approvals.tests").info("review.tested", review="r-1")
    logging.getLogger("botocore.endpoint").warning("slow: %s", "sqs")

    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["review"], ours["level"]) == ("review.tested", "r-1", "info")
    assert (theirs["event"], theirs["logger"], theirs["level"]) == (
        "slow: sqs", "botocore.endpoint", "warning",
    )  # fmt: skip


def test_a_link_that_sets_a_password_is_taken_out_also_where_it_is_quoted() -> None:
    line = 'GET "/accounts/password/reset/key/1-abc/?next=%2Freset%2Fkey%2F2-def"'

    written = logs.without_live_links(None, "info", line)

    assert written == 'GET "/accounts/password/reset/key/[link]"'


@pytest.mark.django_db
def test_a_request_is_one_line_that_holds_who_what_and_how_it_ended(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        client.get("/accounts/login/")

    (line,) = [record.msg for record in caplog.records if "request" in record.name]
    assert isinstance(line, dict)
    assert (line["event"], line["request"], line["code"], line["ip"], line["user_id"]) == (
        "request_finished", "GET /accounts/login/", 200, "127.0.0.1", None,
    )  # fmt: skip
    assert line["request_id"]


@pytest.mark.django_db
def test_a_line_names_the_address_that_our_own_proxies_report(
    client: Client, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    forged = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7", "X-Real-IP": "203.0.113.9"}
    for proxies in (0, 1):
        settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
        with caplog.at_level(logging.INFO):
            client.get("/accounts/login/", headers=forged)

    lines = [record.msg for record in caplog.records if "request" in record.name]
    assert [line["ip"] for line in lines if isinstance(line, dict)] == ["127.0.0.1", "198.51.100.7"]
