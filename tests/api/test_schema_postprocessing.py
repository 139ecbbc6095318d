"""What completes the schema: links that lead on, headers of refusals, and strict bodies."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from approvals.models import (
    ReviewTask,
)
from tests import factories
from tests.api.desk_for_examples import World
from tests.api.schema_documents import Document, fits, found, operations, resolved


def test_a_body_names_nothing_unknown_and_says_whether_it_may_be_left_out(
    schema: Document,
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
        *("quarantine_replay", "orders_restart", "reviews_skip", "queues_set"),
        *("bulk_decisions_undo", "bulk_decisions_retry"),
    }


def test_every_operation_tells_what_is_always_possible(schema: Document) -> None:
    for _, method, operation in operations(schema):
        described = operation["responses"]
        assert {"401", "403", "422", "429", "503"} <= described.keys()
        assert all("Retry-After" in described[status]["headers"] for status in ("429", "503"))
        headers = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"}
        assert ("Idempotency-Key" in headers) == (method == "post"), operation["operationId"]
        assert ("If-Match" in headers) == ("412" in described), operation["operationId"]


def test_every_link_leads_from_an_answer_to_an_operation(schema: Document) -> None:
    known = {operation["operationId"]: operation for _, _, operation in operations(schema)}
    reached = set()
    for operation in known.values():
        for response in operation["responses"].values():
            for link in response.get("links", {}).values():
                target = known[link["operationId"]]
                required = {p["name"] for p in target["parameters"] if p["in"] == "path"}
                assert link["parameters"].keys() == required
                for expression in link["parameters"].values():
                    assert resolved(expression, response) is not None, expression
                reached.add(link["operationId"])
    lists = {"queues_list", "reviews_list", "orders_list", "quarantine_list"}
    assert known.keys() - reached == lists | {
        "orders_start",
        "order_batches_start",
        "bulk_decisions_begin",
    }


@pytest.mark.django_db(transaction=True)
def test_a_program_walks_from_the_list_to_an_undo_by_links_alone(
    schema: Document, world: World
) -> None:
    factories.review(world.queue)
    known = {
        operation["operationId"]: (path, method, operation)
        for path, method, operation in operations(schema)
    }

    def follow(
        operation_id: str, answer: requests.Response, target: str, body: Any = None
    ) -> requests.Response:
        links = known[operation_id][2]["responses"][str(answer.status_code)]["links"]
        path, method, _ = known[target]
        for name, expression in links[target]["parameters"].items():
            path = path.replace(f"{{{name}}}", found(expression, answer.json()))
        return world.send(method, path, body)

    listed = world.send("get", "/api/v1/reviews/")
    claimed = follow("reviews_list", listed, "reviews_claim", {})
    commented = follow("reviews_claim", claimed, "reviews_comment", {"text": "Seen."})
    body = {"outcome": "approved", "undo_seconds": 20}
    decided = follow("reviews_claim", claimed, "reviews_decide", body)
    undone = follow("reviews_decide", decided, "decisions_undo", {})

    codes = [answer.status_code for answer in (claimed, commented, decided, undone)]
    assert codes == [200, 201, 201, 200]
    assert ReviewTask.objects.get().status == "pending"
