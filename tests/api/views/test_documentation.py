"""The schema and its pages: open to everybody, under a policy of content that holds."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.callers import refused


def test_the_pages_need_no_login_and_run_no_inline_script(client: Client) -> None:
    page = client.get("/api/docs/")
    script = client.get("/api/docs/", {"script": ""})

    assert (page.status_code, script.status_code) == (200, 200)
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self';" in f"{policy};"
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert b"<script>" not in page.content
    assert script.headers["Content-Type"] == "application/javascript"


@pytest.mark.parametrize("path", ["/api/schema/", "/api/docs/"])
def test_the_pages_refuse_in_the_apis_own_language(client: Client, path: Any) -> None:
    refused(client.post(path), 405, "method_not_allowed")


def test_the_schema_comes_as_json_too(client: Client) -> None:
    answer = client.get("/api/schema/", HTTP_ACCEPT="application/json")

    assert answer.json()["openapi"].startswith("3.1")
