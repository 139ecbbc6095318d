"""Orders over HTTP: started once, waited for a moment, and found again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from pytest_django.fixtures import Settings

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import OrderExecution, OutboxEntry
from approvals.orchestration import fulfillment
from tests import factories
from tests.callers import Caller, refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine")]

KEY = {"HTTP_IDEMPOTENCY_KEY": "one"}
ORDER = {"order_id": "ORD-1", "total": 812.5, "items": [{"sku": "LAMP-1", "quantity": 2}]}


def test_an_order_that_runs_within_the_wait_is_created(shop: Caller, running: None) -> None:
    answer = shop.post("orders/", ORDER)

    shown = answer.json()
    assert (answer.status_code, shown["order_id"], shown["status"]) == (201, "ORD-1", "running")
    assert shown["execution_arn"].endswith(":execution:orders:order-ORD-1")


@pytest.mark.parametrize("amount", ["1e2", "0.001", '"10,50"', "0.30000000000000004", "true"])
def test_what_is_no_amount_is_refused_with_its_place(shop: Caller, amount: str) -> None:
    answer = shop.post("orders/", f'{{"order_id": "A-1", "amount": {amount}}}')

    problem = refused(answer, 422, "invalid")
    assert problem["pointer"] == "/amount"
    assert amount.strip('"') in problem["detail"] or amount == "true"
    assert not OrderExecution.objects.exists()


def test_a_number_of_many_digits_is_stored_to_the_cent(shop: Caller) -> None:
    shop.post("orders/", '{"order_id": "A-1 ", "amount": 12345678901234567.89}')

    assert OrderExecution.objects.get().input == (
        '{"amount":"12345678901234567.89","order_id":"A-1"}'
    )


def test_an_order_is_stored_while_step_functions_is_away(shop: Caller) -> None:
    answer = shop.post("orders/", ORDER)

    shown = answer.json()
    assert (answer.status_code, shown["execution_arn"], shown["status"]) == (202, None, "pending")
    assert shop.post("orders/", ORDER).status_code == 202
    assert OrderExecution.objects.count() == OutboxEntry.objects.count() == 1


def test_the_same_order_again_gets_the_same_execution(shop: Caller, running: None) -> None:
    first = shop.post("orders/", ORDER).json()

    again = shop.post("orders/", dict(reversed(ORDER.items())))

    assert (again.status_code, again.json()) == (200, first)


def test_other_content_under_the_same_id_is_a_conflict(shop: Caller) -> None:
    shop.post("orders/", ORDER)

    problem = refused(shop.post("orders/", ORDER | {"total": 1}), 409, "order_conflict")

    assert problem["order_id"] == "ORD-1"


def test_an_order_that_step_functions_refuses_says_why(
    shop: Caller, monkeypatch: pytest.MonkeyPatch, running: None
) -> None:
    monkeypatch.setattr(
        stepfunctions, "start_execution", lambda *_: (Answer(Proof.REFUSED, "InvalidName"), "")
    )

    answer = shop.post("orders/", ORDER)

    assert "InvalidName" in refused(answer, 409, "order_conflict")["detail"]
    assert shop.get("orders/ORD-1/").json()["status"] == "refused"


def test_an_order_waits_while_the_state_machine_is_misconfigured(
    shop: Caller, monkeypatch: pytest.MonkeyPatch, running: None
) -> None:
    wrong = Answer(Proof.MISCONFIGURED, "StateMachineDoesNotExist")
    monkeypatch.setattr(stepfunctions, "start_execution", lambda *_: (wrong, ""))

    answer = shop.post("orders/", ORDER)

    assert (answer.status_code, answer.json()["status"]) == (202, "pending")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/order_id"),
        ({"order_id": None}, "/order_id"),
        ({"order_id": True}, "/order_id"),
        ({"order_id": " "}, "/order_id"),
        ({"order_id": ["a"]}, "/order_id"),
        ({"order_id": "a\nb"}, "/order_id"),
        ({"order_id": "x" * 257}, "/order_id"),
        ({"order_id": "a\0"}, "/order_id"),
        ([], ""),
        ("7", ""),
        ("null", ""),
    ],
)
def test_what_is_no_order_is_invalid(shop: Caller, body: Any, pointer: str) -> None:
    assert refused(shop.post("orders/", body), 422, "invalid")["pointer"] == pointer
    assert not OrderExecution.objects.exists()


def test_without_a_workflow_orders_are_unavailable(shop: Caller, settings: Settings) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = ""

    answer = shop.post("orders/", ORDER)

    refused(answer, 503, "unavailable")
    assert answer.headers["Retry-After"]


def test_orders_are_read_by_those_who_may(
    shop: Caller, api: Caller, call: Callable[..., Caller], running: None
) -> None:
    shop.post("orders/", ORDER)
    auditor = factories.user("audit@example.com")
    people.grant_site(auditor, "auditor", by=COMMAND_LINE)

    assert call(auditor).get("orders/ORD-1/").json()["status"] == "running"
    refused(call(auditor).post("orders/", ORDER), 403, "not_allowed")
    for refusal in (api.get("orders/"), api.get("orders/ORD-1/"), api.post("orders/", ORDER)):
        refused(refusal, 403, "not_allowed")
    refused(shop.get("orders/ORD-2/"), 404, "not_found")


@pytest.mark.parametrize(
    "order_id",
    ["a/b", "ключ", "100%", "a b", "x?y#z", "..", "order_id", "a/restart", "stop/stop", "a/", "/"],
)
def test_an_order_is_found_by_whatever_it_is_called(shop: Caller, order_id: str) -> None:
    shop.post("orders/", {"order_id": order_id})

    found = shop.get(f"orders/{quote(order_id, safe='')}/")

    assert found.json()["order_id"] == order_id


def test_orders_are_listed_the_latest_first_in_pages(shop: Caller) -> None:
    for number in range(5):
        shop.post("orders/", {"order_id": number})

    first = shop.get("orders/", {"page_size": 3}).json()
    second = shop.get(first["next"]).json()

    assert [shown["order_id"] for shown in first["results"] + second["results"]] == list("43210")
    assert shop.get("orders/", {"status": "running"}).json()["results"] == []
    refused(shop.get("orders/", {"status": "lost"}), 422, "invalid")
    refused(shop.get("orders/", {"page_size": "abc"}), 422, "invalid")


def test_what_is_done_to_an_order_hides_no_order(shop: Caller) -> None:
    for order_id in ("a", "a/restart"):
        shop.post("orders/", {"order_id": order_id})

    assert shop.get("orders/a/restart/").json()["order_id"] == "a/restart"
    refused(shop.get("orders/a/stop/"), 405, "method_not_allowed")
    stopped = shop.post("orders/a/restart/stop/", {"reason": "Not wanted."})
    assert (stopped.status_code, stopped.json()["order_id"]) == (200, "a/restart")
    assert shop.get("orders/a/").json()["status"] == "pending"


def test_orders_are_found_by_how_their_id_begins(shop: Caller) -> None:
    for order_id in ("ORD-1", "ORD-10", "ORD_2", "ord-1", "O%D"):
        shop.post("orders/", {"order_id": order_id})

    def found(**asked: str) -> list[str]:
        return [shown["order_id"] for shown in shop.get("orders/", asked).json()["results"]]

    assert found(q="ORD-1") == ["ORD-10", "ORD-1"]
    assert found(q="O%") == ["O%D"]
    assert found(q="RD") == []
    assert found(q="ORD", status="failed") == []


def test_a_key_keeps_the_status_of_an_order_that_ran_at_once(shop: Caller, running: None) -> None:
    first = shop.post("orders/", ORDER, **KEY)
    again = shop.post("orders/", ORDER, **KEY)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert shop.post("orders/", ORDER).status_code == 200


def test_a_key_keeps_the_status_of_an_order_that_had_to_wait(
    shop: Caller, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    first = shop.post("orders/", ORDER, **KEY)
    request.getfixturevalue("running")
    lanes.drain(OutboxEntry.Lane.EXECUTIONS)

    again = shop.post("orders/", ORDER, **KEY)

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["execution_arn"]


def test_a_key_keeps_the_status_of_an_order_that_was_there(shop: Caller, running: None) -> None:
    shop.post("orders/", ORDER)

    assert [shop.post("orders/", ORDER, **KEY).status_code for _ in range(2)] == [200, 200]


def test_a_key_of_an_order_that_waits_still_keeps_that(
    shop: Caller, request: pytest.FixtureRequest
) -> None:
    shop.post("orders/", ORDER)
    first = shop.post("orders/", ORDER, **KEY)
    request.getfixturevalue("running")
    lanes.drain(OutboxEntry.Lane.EXECUTIONS)

    assert (first.status_code, shop.post("orders/", ORDER, **KEY).status_code) == (202, 202)


def test_no_request_waits_if_none_may(
    shop: Caller, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ORDER_STARTS_AWAITED = 0
    monkeypatch.setattr(fulfillment, "await_start", lambda _: 1 / 0)

    assert [shop.post("orders/", ORDER, **KEY).status_code for _ in range(2)] == [202, 202]


def test_a_key_whose_first_request_broke_off_is_settled_by_the_second(
    shop: Caller, monkeypatch: pytest.MonkeyPatch, running: None
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(fulfillment, "await_start", lambda _: 1 / 0)
        assert shop.post("orders/", ORDER, **KEY).status_code == 500

    assert [shop.post("orders/", ORDER, **KEY).status_code for _ in range(2)] == [201, 201]


def test_a_key_whose_request_for_an_order_that_was_there_broke_off_still_creates_none(
    shop: Caller, monkeypatch: pytest.MonkeyPatch, running: None
) -> None:
    shop.post("orders/", ORDER)
    with monkeypatch.context() as broken:
        broken.setattr(fulfillment, "await_start", lambda _: 1 / 0)
        assert shop.post("orders/", ORDER, **KEY).status_code == 500

    assert shop.post("orders/", ORDER, **KEY).status_code == 200


def test_a_refused_order_is_refused_again_under_its_key(
    shop: Caller, monkeypatch: pytest.MonkeyPatch, running: None
) -> None:
    monkeypatch.setattr(
        stepfunctions, "start_execution", lambda *_: (Answer(Proof.REFUSED, "InvalidName"), "")
    )

    for _ in range(2):
        refused(shop.post("orders/", ORDER, **KEY), 409, "order_conflict")


def test_another_order_under_the_same_key_is_refused(shop: Caller) -> None:
    shop.post("orders/", ORDER, **KEY)

    answer = shop.post("orders/", {"order_id": "ORD-2"}, **KEY)

    refused(answer, 422, "idempotency_mismatch")
    assert OrderExecution.objects.count() == 1


# --- restart and stop


def test_an_input_is_shown_without_what_looks_like_a_task_token(shop: Caller) -> None:
    token = "AQCEAAAAKgAAAAMAAAAA" + "x/y+" * 100
    digest = "9f86d081884c7d659a2feaa0c55ad015" * 2
    shop.post("orders/", ORDER | {"note": f"see {token}", "taskToken": "short", "sha": digest})

    shown = shop.get("orders/ORD-1/").json()["input"]

    assert shown == ORDER | {
        "note": "see [task token]", "taskToken": "[task token]", "sha": digest,
    }  # fmt: skip
