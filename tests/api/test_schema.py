"""The schema and its pages: every route described, nothing warned about, and a CSP that holds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jsonschema
import pytest
import yaml
from django.core.management import call_command
from django.test import Client

from approvals.actions import intake, people
from approvals.actors import COMMAND_LINE
from approvals.api.schema import UNPRINTABLE
from approvals.models import QuarantinedMessage, ReviewQueue
from approvals.orchestration import fulfillment
from tests import factories
from tests.callers import Caller, refused

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
    "/api/v1/order-batches/": {"post": "order_batches_start"},
    "/api/v1/order-batches/{batch_id}/": {"get": "order_batches_read"},
    "/api/v1/orders/": {"get": "orders_list", "post": "orders_start"},
    "/api/v1/orders/{order_id}/": {"get": "orders_read"},
    "/api/v1/orders/{order_id}/restart/": {"post": "orders_restart"},
    "/api/v1/orders/{order_id}/stop/": {"post": "orders_stop"},
    "/api/v1/webhooks/decision/": {"post": "webhooks_decide"},
}
AN_ID = "01a203be-dfa7-7a98-a842-c430dab4db4e"
BLANK = " \t\n\x0b\x1c\x85\xa0\u3000"
# What is asked and where; what fits the document there, and what does not.
PROMISES: tuple[tuple[str, str, tuple[Any, ...], tuple[Any, ...]], ...] = (
    ("reviews_comment", "text", ("x", " x\n"), ("", BLANK, "a\0b", "x" * 4_001, 5, None)),
    ("quarantine_discard", "reason", ("x", " x\n"), ("", BLANK, "a\0b", "x" * 301, 5, None)),
    (
        "reviews_release",
        "lease_id",
        (None, AN_ID, AN_ID.upper()),
        ("", "x", 5, AN_ID.replace("-", ""), f"{{{AN_ID}}}", f"urn:uuid:{AN_ID}"),
    ),
    (
        "orders_start",
        "order_id",
        ("a", " a ", "a/b", "\u00e9", "\u4e2d\U0001f600", 7, -7, "x" * 256),
        ("", " ", "a\nb", "\x7f", "a\xa0b", "a\u200b", "\ue000", "x" * 257, None, True, 1.5, []),
    ),
    ("orders_stop", "reason", ("x", " x\n"), ("", BLANK, "a\0b", "x" * 1_001, 5, None)),
    ("orders_restart", "reason", ("", "x"), ("a\0b", "x" * 1_001, 5, None)),
    ("reviews_claim", "", ({}, {"override": True}), ({"": True}, {"override": 1}, [], None)),
    ("queues_next", "", ({},), ({"a": 1}, [], None)),
    ("decisions_undo", "", ({},), ({"a": 1}, [], None)),
)
QUERIES: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "reviews_list",
        "status",
        ("", "any", "pending", "pending,approved", "pending,pending"),
        ("any,any", "any,pending", "pending,", ",", " pending", "Pending", "pending, approved"),
    ),
    ("reviews_list", "assignee", ("", "me"), ("ME", " ")),
    ("reviews_list", "ordering", ("", "-priority"), ("priority",)),
    ("reviews_list", "page_size", ("", "1", "200"), ("0", "201", "x")),
    ("reviews_list", "cursor", ("",), ("x" * 1_001, "\0")),
    ("reviews_list", "q", ("", "x", " x"), (BLANK, "a\0", "x" * 101)),
    ("reviews_list", "reference", ("", " ", "x"), ("a\0", "x" * 257)),
    ("queues_next", "queue", ("", "x"), (BLANK, "x" * 51)),
    ("orders_list", "status", ("", "running"), ("any", "x")),
    ("orders_list", "q", ("", " ", "x"), ("a\0", "x" * 257)),
    ("quarantine_list", "state", ("", "any"), ("x",)),
    ("quarantine_list", "queue", ("", "x"), (BLANK, "x" * 51)),
)
HEADERS = (
    (
        "If-Match",
        ("*", '"0"', '"007"', f'"{"9" * 18}"'),
        ("", "7", '""', f'"{"9" * 19}"', '"1","2"'),
    ),
    ("Idempotency-Key", ("!", "a b", "~" * 255), ("", "~" * 256, "a\tb", "\u00e9")),
)


def test_the_schema_is_valid_and_without_a_warning(tmp_path: Path) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "s.yaml"))


def test_every_route_is_described(client: Client) -> None:
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


# --- what it promises is what is taken


@pytest.fixture
def known(
    queue: ReviewQueue, settings: Any, monkeypatch: pytest.MonkeyPatch, call: Callable[..., Caller]
) -> dict[str, Any]:
    """A row for each path, and who may do everything to all of them."""
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = (
        "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
    )
    monkeypatch.setattr(fulfillment, "PATIENCE", 0.0)
    lena = factories.user("lena@example.com", "lead", queue)
    for right in ("operator", "orders"):
        people.grant_site(lena, right, by=COMMAND_LINE)
    intake.accept(queue, [factories.received("not JSON")])
    message = QuarantinedMessage.objects.get().pk
    rows = {"review_id": factories.review(queue).pk, "message_id": message, "slug": queue.slug}
    return {"caller": call(lena), "decision_id": AN_ID, "order_id": "7"} | rows


@pytest.fixture
def schema(client: Client) -> dict[str, Any]:
    """The document."""
    document: dict[str, Any] = client.get("/api/schema/", HTTP_ACCEPT="application/json").json()
    return document


def named(schema, operation_id):
    """An operation with its path."""
    return next(
        (path, operation)
        for path, methods in schema["paths"].items()
        for operation in methods.values()
        if operation["operationId"] == operation_id
    )


def fits(schema, shape, value):
    """Whether a value is what the schema says; a format alone is not checked."""
    checked = jsonschema.Draft202012Validator({"components": schema["components"], **shape})
    return checked.is_valid(value)


def judged(good, bad):
    return [*((value, True) for value in good), *((value, False) for value in bad)]


def parameter_of(operation, place, name):
    return next(one for one in operation["parameters"] if (one["in"], one["name"]) == (place, name))


@pytest.mark.parametrize(("operation_id", "name", "good", "bad"), PROMISES)
def test_a_body_is_taken_just_where_it_fits_the_document(
    known: dict[str, Any], schema: dict[str, Any], operation_id: Any, name: Any, good: Any, bad: Any
) -> None:
    path, operation = named(schema, operation_id)
    shape = operation["requestBody"]["content"]["application/json"]["schema"]
    for value, is_good in judged(good, bad):
        body = {name: value} if name else value

        answer = known["caller"].post(path.format(**known), json.dumps(body))

        assert fits(schema, shape, body) == is_good, value
        assert (answer.status_code != 422) == is_good, (value, answer.content)


@pytest.mark.parametrize(("operation_id", "name", "good", "bad"), QUERIES)
def test_a_parameter_is_taken_just_where_it_fits_the_document(
    known: dict[str, Any], schema: dict[str, Any], operation_id: Any, name: Any, good: Any, bad: Any
) -> None:
    path, operation = named(schema, operation_id)
    parameter = parameter_of(operation, "query", name)
    address = path.format(**known)
    for value, is_good in judged(good, bad):
        read = int(value) if parameter["schema"]["type"] == "integer" and value.isdigit() else value
        query = f"{address}?{urlencode({name: value})}"

        answer = known["caller"].post(query) if "next" in path else known["caller"].get(query)

        taken = (value == "" and parameter["allowEmptyValue"]) or fits(
            schema, parameter["schema"], read
        )
        assert taken == is_good, value
        assert (answer.status_code != 422) == is_good, (value, answer.content)


@pytest.mark.parametrize(("name", "good", "bad"), HEADERS)
def test_a_header_is_taken_just_where_it_fits_the_document(
    known: dict[str, Any], schema: dict[str, Any], name: Any, good: Any, bad: Any
) -> None:
    path, operation = named(schema, "reviews_claim")
    parameter = parameter_of(operation, "header", name)
    for value, is_good in judged(good, bad):
        header = {f"HTTP_{name.upper().replace('-', '_')}": value}

        answer = known["caller"].post(path.format(**known), {}, **header)

        assert fits(schema, parameter["schema"], value) == is_good, value
        assert (answer.status_code != 422) == is_good, (value, answer.content)


def test_a_body_names_nothing_unknown_and_says_whether_it_may_be_left_out(
    schema: dict[str, Any],
) -> None:
    left_out = set()
    for methods in schema["paths"].values():
        for operation in methods.values():
            if "requestBody" in operation:
                shape = operation["requestBody"]["content"]["application/json"]["schema"]
                an_order = operation["operationId"] == "orders_start"
                assert fits(schema, shape, {"order_id": "1", "x": 1}) == an_order
                if not operation["requestBody"]["required"]:
                    left_out.add(operation["operationId"])
    assert left_out == {
        *("queues_next", "reviews_claim", "reviews_renew", "reviews_release", "decisions_undo"),
        *("quarantine_replay", "orders_restart"),
    }


def test_what_the_document_calls_unprintable_is() -> None:
    characters = re.compile(f"[{UNPRINTABLE}]")

    found = [one for one in map(chr, range(0x110000)) if characters.match(one)]
    assert len(found) > 6_000
    assert [hex(ord(one)) for one in found if one.isprintable()] == []


def test_an_empty_webhook_is_none_by_its_document(schema: dict[str, Any]) -> None:
    _, operation = named(schema, "webhooks_decide")
    shape = operation["requestBody"]["content"]["application/json"]["schema"]
    body = {"approved": True, "reviewer_email": "ada@example.com"}

    assert fits(schema, shape, body | {"task_token": "x"})
    assert fits(schema, shape, body | {"review_id": AN_ID, "reason": None})
    for more in (
        *({}, {"task_token": ""}, {"review_id": ""}, {"task_token": "x", "review_id": AN_ID}),
        *({"task_token": "x", "token": "x"}, {"task_token": "x", "reviewer_email": ""}),
        *({"task_token": "x", "reason": 1}, {"task_token": "x\0"}),
    ):
        assert not fits(schema, shape, body | more), more
