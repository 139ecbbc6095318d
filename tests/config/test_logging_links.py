"""Logs: nothing is written to them that opens something, in either of their formats."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from approvals.models import User
from config import logging as logs

SECRET = "3f-d4c0de-0123456789abcdef"


@pytest.fixture(params=[False, True], ids=["json", "console"])
def lines(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What the service writes at its lowest level, through its own formatter."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    logs.configure(level="DEBUG", console=request.param)
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
