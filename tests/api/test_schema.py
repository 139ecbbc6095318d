"""The schema's promises: every route is described, and what is taken is what fits its description."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from approvals.actions import intake, people
from approvals.actors import COMMAND_LINE
from approvals.api.schema import UNPRINTABLE
from approvals.models import QuarantinedMessage, ReviewQueue
from approvals.orchestration import fulfillment
from tests import factories
from tests.api.schema_documents import Document, fits, named
from tests.callers import Caller

ROUTES = {
    "/api/v1/queues/": {"get": "queues_list"},
    "/api/v1/queues/{slug}/next/": {"post": "queues_next"},
    "/api/v1/queues/{slug}/settings/": {"get": "queues_settings", "post": "queues_set"},
    "/api/v1/reviews/": {"get": "reviews_list"},
    "/api/v1/reviews/{review_id}/": {"get": "reviews_read"},
    "/api/v1/reviews/{review_id}/claim/": {"post": "reviews_claim"},
    "/api/v1/reviews/{review_id}/renew/": {"post": "reviews_renew"},
    "/api/v1/reviews/{review_id}/release/": {"post": "reviews_release"},
    "/api/v1/reviews/{review_id}/skip/": {"post": "reviews_skip"},
    "/api/v1/reviews/{review_id}/snooze/": {"post": "reviews_snooze"},
    "/api/v1/reviews/{review_id}/escalate/": {"post": "reviews_escalate"},
    "/api/v1/reviews/{review_id}/reassign/": {"post": "reviews_reassign"},
    "/api/v1/reviews/{review_id}/close-unproved/": {"post": "reviews_close_unproved"},
    "/api/v1/reviews/{review_id}/comments/": {"get": "reviews_comments", "post": "reviews_comment"},
    "/api/v1/reviews/{review_id}/decisions/": {"post": "reviews_decide"},
    "/api/v1/reviews/{review_id}/events/": {"get": "reviews_events"},
    "/api/v1/decisions/{decision_id}/undo/": {"post": "decisions_undo"},
    "/api/v1/bulk-decisions/": {"post": "bulk_decisions_begin"},
    "/api/v1/bulk-decisions/{job_id}/": {"get": "bulk_decisions_read"},
    "/api/v1/bulk-decisions/{job_id}/undo/": {"post": "bulk_decisions_undo"},
    "/api/v1/bulk-decisions/{job_id}/retry/": {"post": "bulk_decisions_retry"},
    "/api/v1/quarantine/": {"get": "quarantine_list"},
    "/api/v1/quarantine/{message_id}/": {"get": "quarantine_read"},
    "/api/v1/quarantine/{message_id}/body/": {"get": "quarantine_body"},
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
BLANK = " \t\n\x0b\x1c\x85\xa0\u3000"
# What is asked and where; what fits the document there, and what does not.
AN_ID = "01a203be-dfa7-7a98-a842-c430dab4db4e"
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
    (
        "queues_set",
        "message_map",
        ({}, {"token": "$.a", "deadline": "$['b c'][0]"}, {"token": "$.\u00e9-x"}),
        (
            None,
            [],
            {"token": 5},
            {"other": "$.a"},
            {"token": "a"},
            {"token": "$"},
            {"token": "$.a b"},
        ),
    ),
    (
        "queues_set",
        "pointer_buckets",
        ([], ["one", "a.b-c"]),
        (None, {}, [5], ["No Bucket"], ["ab"], ["one", "one"]),
    ),
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
    ("reviews_list", "q", ("", "x", " x"), (BLANK, "a\0", "x" * 513)),
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


def test_every_route_is_described(schema: Document) -> None:
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


@pytest.fixture
def known(
    queue: ReviewQueue,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    call: Callable[..., Caller],
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


def judged(good: tuple[Any, ...], bad: tuple[Any, ...]) -> list[tuple[Any, bool]]:
    """Each value with whether it is good."""
    return [*((value, True) for value in good), *((value, False) for value in bad)]


def parameter_of(operation: Document, place: str, name: str) -> Document:
    """A parameter of an operation: in its query or its header."""
    return next(one for one in operation["parameters"] if (one["in"], one["name"]) == (place, name))


@pytest.mark.parametrize(("operation_id", "name", "good", "bad"), PROMISES)
def test_a_body_is_taken_just_where_it_fits_the_document(
    known: dict[str, Any], schema: Document, operation_id: str, name: str, good: Any, bad: Any
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
    known: dict[str, Any], schema: Document, operation_id: str, name: str, good: Any, bad: Any
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
    known: dict[str, Any], schema: Document, name: str, good: Any, bad: Any
) -> None:
    path, operation = named(schema, "reviews_claim")
    parameter = parameter_of(operation, "header", name)
    for value, is_good in judged(good, bad):
        header = {f"HTTP_{name.upper().replace('-', '_')}": value}

        answer = known["caller"].post(path.format(**known), {}, **header)

        assert fits(schema, parameter["schema"], value) == is_good, value
        assert (answer.status_code != 422) == is_good, (value, answer.content)


def test_what_the_document_calls_unprintable_is() -> None:
    characters = re.compile(f"[{UNPRINTABLE}]")

    found = [one for one in map(chr, range(0x110000)) if characters.match(one)]
    assert len(found) > 6_000
    assert [hex(ord(one)) for one in found if one.isprintable()] == []
