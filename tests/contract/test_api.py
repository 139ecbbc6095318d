"""The REST interface as the contract has it: each route, its methods, its answer's keys, each error."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.urls import resolve
from pytest_django.fixtures import Settings

from approvals import exceptions
from approvals.actions import (
    assignment,
    credentials,
    decisions,
    intake,
    lifecycle,
    people,
)
from approvals.actors import COMMAND_LINE
from approvals.api import errors
from approvals.api.views.documentation import OpenAPIDocument
from approvals.api.views.unknown_address import UnknownAddress
from approvals.models import OrderExecution, QuarantinedMessage, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.orchestration import fulfillment
from tests import factories
from tests.api import signing
from tests.bulk import begun
from tests.callers import Caller
from tests.contract import contract
from tests.factories import actor

DUE = contract.due("route", contract.ROUTES)
METHODS: dict[str, set[str]] = defaultdict(set)
for _line in DUE:
    METHODS[_line.partition(" ")[2]].add(_line.partition(" ")[0])
ANY_ID = "01a203be-dfa7-7a98-a842-c430dab4db4e"
SAFE_BESIDE = {"HEAD", "OPTIONS"}
BEYOND = {"too_large": 413, "internal_error": 500, "key_missing": 503, "refused": 400}


def address(template: str, **known: Any) -> str:
    """The path of a route; what is not known stands for a row that is not there."""
    return "/api/v1/" + template.format(**{"id": ANY_ID, "slug": "held", "order_id": "7"} | known)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The OpenAPI document, as a client without any right gets it."""
    generator: Any = OpenAPIDocument.generator_class()
    text = json.dumps(generator.get_schema(request=None, public=True), default=str)
    document: dict[str, Any] = json.loads(text)
    return document


def view_of(path: str) -> Any:
    """The class of the view at an address."""
    view: Any = resolve(path).func
    return view.view_class


# --- routes


@pytest.mark.parametrize("route", METHODS)
def test_a_route_has_exactly_the_methods_of_the_contract(
    db: None, queue: ReviewQueue, route: str
) -> None:
    person = factories.user("op@example.com", "lead", queue)
    people.grant_site(person, "operator", by=COMMAND_LINE)
    caller = Caller(credentials.issue_token(person, "contract", by=COMMAND_LINE)).client

    refused = caller.generic("DELETE", address(route))
    offered = caller.options(address(route))

    assert view_of(address(route)) is not UnknownAddress
    assert refused.status_code == 405, refused.content
    assert set(refused.headers["Allow"].split(", ")) - SAFE_BESIDE == METHODS[route]
    assert offered.headers["Allow"] == refused.headers["Allow"], offered.content


def test_the_schema_describes_these_routes_and_no_other(schema: dict[str, Any]) -> None:
    described = {
        f"{method.upper()} {re.sub('{[a-z_]+}', '{}', path.removeprefix('/api/v1/'))}"
        for path, methods in schema["paths"].items()
        for method in methods
    }

    assert described == {re.sub("{[a-z_]+}", "{}", line) for line in DUE}


@pytest.mark.parametrize("line", contract.not_yet("route"))
def test_a_route_that_is_not_due_is_not_there(line: str) -> None:
    method, _, route = line.partition(" ")
    view = view_of(address(route))

    # An order's id may hold slashes, so those addresses read an order, and only that.
    assert view is UnknownAddress or not hasattr(view, method.lower())


# --- answers


@pytest.fixture
def known(
    queue: ReviewQueue, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """A row for each route, and who may do everything to all of them."""
    monkeypatch.setattr(fulfillment, "PATIENCE", 0.0)
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = (
        "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
    )
    alice = factories.user("alice@example.com", "lead", queue)
    factories.user("bob@example.com", "reviewer", queue)
    for right in ("operator", "orders"):
        people.grant_site(alice, right, by=COMMAND_LINE)
    caller = Caller(credentials.issue_token(alice, "contract", by=COMMAND_LINE))
    intake.accept(queue, [factories.received("not JSON")])
    caller.post("orders/", {"order_id": "7"})
    return {"caller": caller, "alice": alice, "id": factories.review(queue).pk, "slug": queue.slug}


def row(route: str, known: dict[str, Any]) -> dict[str, Any]:
    """Bring about what a route needs, and name it."""
    alice: User = known["alice"]
    if route.startswith("quarantine"):
        return {"id": quarantined(alice, route)}
    if route == "order-batches/{id}/":
        answer = known["caller"].post("order-batches/", {"orders": [{"order_id": "8"}]})
        return {"id": answer.json()["id"]}
    if route.startswith("bulk-decisions/{id}/"):
        return {"id": begun([factories.review()], alice).pk}
    if route.startswith("decisions"):
        window = decisions.DecisionRequest(undo_seconds=10)
        decided = decisions.decide(
            known["id"], Outcome.APPROVED, by=actor(alice, "api"), request=window
        )
        return {"id": decided.decision_id}
    if route == "orders/{order_id}/restart/":
        OrderExecution.objects.update(status="failed")
    if route.endswith("close-unproved/"):
        overdue = ReviewTask.objects.filter(pk=known["id"])
        overdue.update(execution_arn="", deadline_at=F("sent_at"))
        lifecycle.mark_unproved(known["id"])
    if route.endswith(("renew/", "release/", "reassign/")):
        assignment.claim(known["id"], by=actor(alice, "api"))
    return {}


def quarantined(alice: User, route: str) -> Any:
    """A message in quarantine; one that is readable by now, where it is to be replayed."""
    if route.endswith("replay/"):
        queue = factories.queue(
            state_machine_arns=["arn:aws:states:us-east-1:123456789012:stateMachine:x"]
        )
        intake.accept(queue, [factories.received()])
        factories.queue(state_machine_arns=[])
        return QuarantinedMessage.objects.exclude(reason="not_json").get().pk
    return QuarantinedMessage.objects.get().pk


@pytest.mark.parametrize("line", [line for line in DUE if "webhooks/" not in line])
def test_an_answer_has_the_status_and_the_keys_of_the_contract(
    known: dict[str, Any], line: str
) -> None:
    (method, _, route), promised = line.partition(" "), contract.ROUTES[line]
    path = address(route, **known | row(route, known))

    if method == "GET":
        answer = known["caller"].get(path)
    else:
        body = json.loads((promised.body or "{}").replace("{id}", str(known["id"])))
        answer = known["caller"].post(path, body)

    assert answer.status_code == promised.status, answer.content
    body = answer.json()
    assert set(promised.keys) <= body.keys()
    if promised.exactly:
        assert set(promised.keys) == body.keys()
    if "results" in body:
        assert (body["next"], body["previous"]) == (None, None)


def test_a_signed_webhook_is_answered_with_the_keys_of_the_contract(known: dict[str, Any]) -> None:
    promised = contract.ROUTES["POST webhooks/decision/"]
    sender = signing.issue()

    answer = sender.send(json.loads(promised.body) | {"review_id": str(known["id"])})

    assert answer.status_code == promised.status
    assert set(promised.keys) == answer.json().keys()


def test_a_decided_review_has_exactly_the_keys_of_the_contract_all_the_way_down(
    known: dict[str, Any],
) -> None:
    token_free = factories.message()
    review = factories.review(**token_free)
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(known["alice"], "api"))

    shown = known["caller"].get(f"reviews/{review.pk}/").json()

    assert list(shown) == contract.REVIEW
    assert list(shown["error"]) == contract.ERROR
    assert list(shown["delivery"]) == contract.DELIVERY
    assert list(shown["decision"]) == contract.DECISION
    assert token_free["taskToken"] not in json.dumps(shown)


def test_a_lease_is_shown_to_its_holder_alone(known: dict[str, Any]) -> None:
    claimed = known["caller"].post(f"reviews/{known['id']}/claim/").json()
    bob = Caller(
        credentials.issue_token(User.objects.get(email="bob@example.com"), "b", by=COMMAND_LINE)
    )

    assert claimed["lease_id"]
    for reader in (bob, known["caller"]):
        assert claimed["lease_id"] not in reader.get(f"reviews/{known['id']}/").content.decode()


def test_the_list_of_reviews_takes_the_parameters_of_the_contract(schema: dict[str, Any]) -> None:
    described = schema["paths"]["/api/v1/reviews/"]["get"]["parameters"]

    taken = {each["name"] for each in described if each["in"] == "query"}
    assert set(contract.LIST_OF_REVIEWS_TAKES) == taken


# --- errors


def classes() -> dict[str, set[int]]:
    """The statuses of every refusal there is, by its code."""
    found: dict[str, set[int]] = defaultdict(set)
    waiting = [exceptions.ApprovalsError]
    while waiting:
        kind = waiting.pop()
        found[kind.code].add(kind.status)
        waiting += kind.__subclasses__()
    return found


def documented(schema: dict[str, Any]) -> dict[str, set[int]]:
    """The codes that the schema's descriptions and examples name, with the statuses they stand at."""
    found: dict[str, set[int]] = defaultdict(set)
    for methods in schema["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                for code in re.findall(r'"code": "(\w+)"', json.dumps(response)):
                    found[code].add(int(status))
    return found


@pytest.mark.parametrize("code", contract.due("error", contract.ERRORS))
def test_an_error_has_one_class_and_its_status_and_is_documented(
    schema: dict[str, Any], code: str
) -> None:
    assert classes()[code] == {contract.ERRORS[code]}
    assert documented(schema)[code] == {contract.ERRORS[code]}


@pytest.mark.parametrize("code", contract.not_yet("error"))
def test_an_error_that_is_not_due_is_not_there(code: str) -> None:
    assert code not in classes()


def test_every_refusal_of_ours_stands_in_the_contract() -> None:
    ours = {code: max(statuses) for code, statuses in classes().items()}

    promised = contract.ERRORS | BEYOND | {"not_authenticated": 401}
    assert {code: promised.get(code) for code in ours} == ours


def test_a_problem_says_what_every_problem_says(
    known: dict[str, Any], schema: dict[str, Any]
) -> None:
    answer = known["caller"].get("reviews/nothing/")

    assert answer.headers["Content-Type"] == errors.MEDIA_TYPE
    assert set(contract.PROBLEM) <= answer.json().keys()
    described = schema["components"]["schemas"]["ProblemAnswer"]
    assert set(contract.PROBLEM) == set(described["required"])


# --- pages beside the interface


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "status"), (contract.ADDRESSES | contract.PAGES).items())
def test_the_addresses_beside_the_interface_answer_anybody(
    client: Client, path: str, status: int
) -> None:
    assert client.get(path).status_code == status
