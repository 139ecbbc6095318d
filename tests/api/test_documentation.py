"""The schema and its pages: every route described, nothing warned about, and a CSP that holds."""

from __future__ import annotations

import pytest
import yaml
from django.core.management import call_command

from tests.api.conftest import refused

ROUTES = {
    "/api/v1/queues/": {"get": "queues_list"},
    "/api/v1/queues/{slug}/next/": {"post": "queues_next"},
    "/api/v1/reviews/": {"get": "reviews_list"},
    "/api/v1/reviews/{review_id}/": {"get": "reviews_read"},
    "/api/v1/reviews/{review_id}/claim/": {"post": "reviews_claim"},
    "/api/v1/reviews/{review_id}/renew/": {"post": "reviews_renew"},
    "/api/v1/reviews/{review_id}/release/": {"post": "reviews_release"},
    "/api/v1/reviews/{review_id}/reassign/": {"post": "reviews_reassign"},
    "/api/v1/reviews/{review_id}/comments/": {"get": "reviews_comments", "post": "reviews_comment"},
    "/api/v1/reviews/{review_id}/decisions/": {"post": "reviews_decide"},
    "/api/v1/reviews/{review_id}/events/": {"get": "reviews_events"},
    "/api/v1/decisions/{decision_id}/undo/": {"post": "decisions_undo"},
    "/api/v1/quarantine/": {"get": "quarantine_list"},
    "/api/v1/quarantine/{message_id}/": {"get": "quarantine_read"},
    "/api/v1/quarantine/{message_id}/replay/": {"post": "quarantine_replay"},
    "/api/v1/quarantine/{message_id}/discard/": {"post": "quarantine_discard"},
    "/api/v1/orders/": {"get": "orders_list", "post": "orders_start"},
    "/api/v1/orders/{order_id}/": {"get": "orders_read"},
    "/api/v1/webhooks/decision/": {"post": "webhooks_decide"},
}


def test_the_schema_is_valid_and_without_a_warning(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "s.yaml"))


def test_every_route_is_described(client):
    schema = yaml.safe_load(client.get("/api/schema/").content)

    described = {
        path: {method: operation["operationId"] for method, operation in methods.items()}
        for path, methods in schema["paths"].items()
    }
    assert described == ROUTES
    for methods in schema["paths"].values():
        for operation in methods.values():
            assert operation["summary"] if "summary" in operation else operation["description"]
            signs_its_body = operation["operationId"] == "webhooks_decide"
            assert operation.get("security", []) == ([] if signs_its_body else [{"bearer": []}])
            assert "application/problem+json" in operation["responses"]["401"]["content"]


def test_the_pages_need_no_login_and_run_no_inline_script(client):
    page = client.get("/api/docs/")
    script = client.get("/api/docs/", {"script": ""})

    assert (page.status_code, script.status_code) == (200, 200)
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self';" in f"{policy};"
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert b"<script>" not in page.content
    assert script.headers["Content-Type"] == "application/javascript"


@pytest.mark.parametrize("path", ["/api/schema/", "/api/docs/"])
def test_the_pages_refuse_in_the_apis_own_language(client, path):
    refused(client.post(path), 405, "method_not_allowed")


def test_the_schema_comes_as_json_too(client):
    answer = client.get("/api/schema/", HTTP_ACCEPT="application/json")

    assert answer.json()["openapi"].startswith("3.1")
