"""What several tests of the web process use."""

from __future__ import annotations

import pytest

from config import client_limits, rsgi, web_server_settings
from tests.config.running_requests import MOST, Running


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Running:
    found = Running()
    monkeypatch.setattr(rsgi, "django", found)
    monkeypatch.setattr(web_server_settings, "CLIENT_REQUESTS", MOST)
    # Their tokens have been authenticated before.
    monkeypatch.setattr(client_limits.ClientLimits, "_is_known", lambda *_: True)
    return found
