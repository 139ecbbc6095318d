"""Settings that follow from others: whether a proxy stands before the service, and whether mail is sent."""

from __future__ import annotations

import sys

import pytest

from tests.config.bare_environment import run

pytestmark = pytest.mark.django_db
SAY = "from config import settings as s; print(s.MAIL_IS_SENT, s.EMAIL_BACKEND)"


@pytest.mark.parametrize(("url", "count"), [("https://c.example", "1"), ("http://c.example", "0")])
def test_a_proxy_is_trusted_where_one_stands(url: str, count: str) -> None:
    say = "from config import settings; print(settings.ALLAUTH_TRUSTED_PROXY_COUNT)"
    assert run({"PUBLIC_URL": url}, [sys.executable, "-c", say]).stdout.split() == [count]


@pytest.mark.parametrize(
    ("changes", "sent", "backend"),
    [
        ({}, "False", "dummy"),
        ({"DEBUG": "1"}, "True", "console"),
        ({"EMAIL_URL": "smtp://mail.example:25"}, "True", "smtp"),
    ],
)
def test_mail_is_never_printed_in_production(
    changes: dict[str, str | None], sent: str, backend: str
) -> None:
    response = run(changes, [sys.executable, "-c", SAY]).stdout.split()
    assert response == [sent, f"django.core.mail.backends.{backend}.EmailBackend"]
