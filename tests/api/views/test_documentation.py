"""The schema and its pages: open to everybody, under a policy of content that holds."""

from __future__ import annotations

import pytest
import yaml
from django.test import Client

from approvals.api.views import documentation
from tests.api.schema_documents import Document
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
def test_the_pages_refuse_in_the_apis_own_language(client: Client, path: str) -> None:
    refused(client.post(path), 405, "method_not_allowed")


def test_the_schema_comes_as_json_where_a_client_wishes_for_it(schema: Document) -> None:
    assert schema["openapi"].startswith("3.1")


def test_the_schema_is_the_same_document_in_yaml(client: Client, schema: Document) -> None:
    answer = client.get("/api/schema/")

    assert answer.headers["Content-Type"].startswith("application/vnd.oai.openapi")
    assert yaml.safe_load(answer.content) == schema


def test_the_schema_is_made_once_for_each_format(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get("/api/schema/")

    monkeypatch.setattr(documentation.OpenAPIDocument, "generator_class", None)

    assert client.get("/api/schema/").content == first.content
