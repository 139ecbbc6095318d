"""The schema's promises: its examples are sent and compared, its links lead on, its refusals come true."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
import requests

from approvals.actions import (
    assignment,
    credentials,
    decisions,
    intake,
    people,
)
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import (
    Decision,
    OrderExecution,
    OutboxEntry,
    QuarantinedMessage,
    ReviewQueue,
    ReviewTask,
)
from approvals.models.choices import Outcome
from approvals.orchestration import fulfillment
from approvals.orchestration.batches import runner
from tests import factories
from tests.factories import actor

on_a_served_desk = pytest.mark.django_db(transaction=True)
FREE = {"payload", "data", "edits", "input"}  # what a message or an event brought: any shape
BY_HAND = {"webhooks_decide"}  # signed over its bytes: its own tests send it


@pytest.fixture(scope="module")
def schema(django_db_setup: Any) -> dict[str, Any]:
    """The OpenAPI document, as JSON."""
    from django.test import Client  # noqa: PLC0415

    return Client().get("/api/schema/", HTTP_ACCEPT="application/json").json()


def operations(schema):
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if operation["operationId"] not in BY_HAND:
                yield path, method, operation


def examples(content):
    return {name: example["value"] for name, example in content.get("examples", {}).items()}


def check(schema, shape, value):
    """Fails where `value` does not match the schema."""
    jsonschema.Draft202012Validator(
        {"components": schema["components"], **shape},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    ).validate(value)


def outline(value, name=""):
    """What members a JSON value has, at every depth that we shape; a null may stand for anything."""
    if value is None or name in FREE:
        return None
    if isinstance(value, dict):
        return {key: outline(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [outline(value[0])] if value else None
    return float if isinstance(value, float) else type(value)


def alike(left, right):
    """Whether two outlines agree wherever both say something."""
    if left is None or right is None:
        return True
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(alike(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return alike(left[0], right[0])
    return left == right


@pytest.fixture
def world(live_server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, transactional_db: None):
    """A served desk, and a caller who may do everything."""
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = (
        "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
    )
    settings.ORDER_BATCH_STATE_MACHINE_ARN = (
        "arn:aws:states:us-east-1:123456789012:stateMachine:order-batch"
    )
    settings.ORDER_BUCKETS = ["daily-orders"]
    monkeypatch.setattr(fulfillment, "PATIENCE", 0)
    monkeypatch.setattr("approvals.records.wake_ups.after_commit", lambda *_, **__: None)
    return World(live_server.url)


class World:
    """Rows for each operation to act on, and the caller."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.queue = factories.queue(undo_seconds=30)
        ReviewQueue.objects.update(output_schema={"type": "object"})
        self.lena = factories.user("lena@example.com", "lead", self.queue)
        factories.user("bob@example.com", "reviewer", self.queue)
        for site in ("orders", "operator"):
            people.grant_site(self.lena, site, by=COMMAND_LINE)
        self.session = requests.Session()
        token = credentials.issue_token(self.lena, "examples", by=COMMAND_LINE)
        self.session.headers["Authorization"] = f"Bearer {token}"

    def place(self, operation_id: str, parameter: str) -> str:
        """Something the operation can be tried on."""
        makers = {
            "slug": self._queue,
            "review_id": self._review,
            "decision_id": self._decision,
            "message_id": self._message,
            "order_id": self._order,
            "batch_id": self._batch,
        }
        return makers[parameter](operation_id)

    def _queue(self, _):
        factories.review(self.queue)
        return self.queue.slug

    def _review(self, operation_id):
        row = factories.review(self.queue)
        if operation_id in ("reviews_renew", "reviews_release"):
            assignment.claim(row.pk, by=actor(self.lena, "api"))
        if operation_id == "reviews_comments":
            self.send("post", f"/api/v1/reviews/{row.pk}/comments/", {"text": "Seen."})
        return str(row.pk)

    def _decision(self, _):
        decisions.decide(factories.review(self.queue).pk, Outcome.APPROVED, by=actor(self.lena))
        return str(Decision.objects.latest("decided_at").pk)

    def _message(self, operation_id):
        with pytest.MonkeyPatch.context() as broken:
            if operation_id == "quarantine_replay":
                broken.setattr("approvals.messages.MAX_TOKEN", 5)
                body = json.dumps(factories.message())
            else:
                body = '{"orderId": "ORD-1042"}'
            intake.accept(self.queue, [factories.received(body)])
        return str(QuarantinedMessage.objects.latest("received_at").pk)

    def _order(self, operation_id):
        order_id = f"of/this-{OrderExecution.objects.count()}"
        with pytest.MonkeyPatch.context() as away:
            arn = "arn:aws:states:us-east-1:123456789012:execution:orders:order-1"
            started = (Answer(Proof.ACCEPTED, "", "request-1"), arn)
            away.setattr(stepfunctions, "start_execution", lambda *_: started)
            self.send("post", "/api/v1/orders/", {"order_id": order_id})
            lanes.drain(OutboxEntry.Lane.EXECUTIONS)
        if operation_id == "orders_restart":
            OrderExecution.objects.filter(order_id=order_id).update(status="failed")
        return order_id

    def _batch(self, _):
        body = {"orders": [{"order_id": "ORD-1"}, {"total": 5}], "on_bad_row": "stop"}
        answer = self.send("post", "/api/v1/order-batches/", body)
        runner.Scheduler().turn()
        return answer.json()["id"]

    def rows(self):
        """One of everything that is listed."""
        for parameter in ("slug", "message_id", "order_id", "decision_id"):
            self.place("", parameter)

    def send(self, method, path, body=None, **headers):
        """A request to the served desk."""
        return self.session.request(
            method, f"{self.url}{path}", json=body, headers=headers, timeout=30
        )

    def filled(self, path, operation_id):
        """The path with something real in its place."""
        return re.sub(r"\{(\w+)\}", lambda name: self.place(operation_id, name[1]), path)


def test_every_example_is_what_its_schema_says(schema: dict[str, Any]) -> None:
    seen = 0
    for _, _, operation in operations(schema):
        contents = [operation.get("requestBody", {"content": {}})["content"]]
        contents += [answer.get("content", {}) for answer in operation["responses"].values()]
        for content in (media for of in contents for media in of.values()):
            for value in examples(content).values():
                check(schema, content["schema"], value)
                seen += 1
            assert examples(content), operation["operationId"]
    assert seen > 200


@on_a_served_desk
def test_every_request_example_is_taken_and_answered_as_the_examples_say(
    schema: dict[str, Any], world: Any
) -> None:
    world.rows()
    for path, method, operation in operations(schema):
        contents = operation.get("requestBody", {}).get("content", {})
        bodies = examples(contents["application/json"]) if contents else {"": None}
        for name, body in bodies.items():
            about = (operation["operationId"], name)
            where = world.filled(path, operation["operationId"])

            answer = world.send(method, where, body)

            assert answer.status_code < 300, (about, answer.text)
            content = operation["responses"][str(answer.status_code)]["content"]["application/json"]
            check(schema, content["schema"], answer.json())
            for example in examples(content).values():
                assert alike(outline(example), outline(answer.json())), (
                    about,
                    example,
                    answer.json(),
                )
            for header, rule in (
                operation["responses"][str(answer.status_code)].get("headers", {}).items()
            ):
                assert answer.headers[header] or not rule["required"], about


@on_a_served_desk
def test_the_refusals_come_with_the_headers_and_members_that_are_described(
    schema: dict[str, Any], world: Any
) -> None:
    review = factories.review(world.queue)
    claim = schema["paths"]["/api/v1/reviews/{review_id}/claim/"]["post"]["responses"]
    path = f"/api/v1/reviews/{review.pk}/claim/"
    anonymous = requests.post(f"{world.url}{path}", json={}, timeout=30)
    answers = [
        anonymous,
        world.send("post", path, {}, **{"If-Match": '"9"'}),
        world.send("post", path, {"overide": True}),
        world.send("post", path.replace(str(review.pk), str(world.lena.pk)), {}),
    ]

    assert [answer.status_code for answer in answers] == [401, 412, 422, 404]
    for answer in answers:
        described = claim[str(answer.status_code)]
        assert answer.headers["Content-Type"] == next(iter(described["content"]))
        content = described["content"]["application/problem+json"]
        check(schema, content["schema"], answer.json())
        assert answer.json()["code"] in [shown["code"] for shown in examples(content).values()]
        assert described.get("headers", {}).keys() <= set(answer.headers)


def test_every_operation_tells_what_is_always_possible(schema: dict[str, Any]) -> None:
    for _, method, operation in operations(schema):
        described = operation["responses"]
        assert {"401", "403", "422", "429", "503"} <= described.keys()
        assert all("Retry-After" in described[status]["headers"] for status in ("429", "503"))
        headers = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"}
        assert ("Idempotency-Key" in headers) == (method == "post"), operation["operationId"]
        assert ("If-Match" in headers) == ("412" in described), operation["operationId"]


def test_every_link_leads_from_an_answer_to_an_operation(schema: dict[str, Any]) -> None:
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
    assert known.keys() - reached == lists | {"orders_start", "order_batches_start"}


def resolved(expression, response):
    """What a runtime expression finds in each example of an answer."""
    if not expression.startswith("$response.body#"):
        return expression
    value = next(iter(examples(response["content"]["application/json"]).values()))
    for step in expression.removeprefix("$response.body#/").split("/"):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


@on_a_served_desk
def test_a_program_walks_from_the_list_to_an_undo_by_links_alone(
    schema: dict[str, Any], world: Any
) -> None:
    factories.review(world.queue)
    known = {
        operation["operationId"]: (path, method, operation)
        for path, method, operation in operations(schema)
    }

    def follow(operation_id, answer, target, body=None):
        links = known[operation_id][2]["responses"][str(answer.status_code)]["links"]
        path, method, _ = known[target]
        for name, expression in links[target]["parameters"].items():
            value = answer.json()
            for step in expression.removeprefix("$response.body#/").split("/"):
                value = value[int(step)] if isinstance(value, list) else value[step]
            path = path.replace(f"{{{name}}}", value)
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
