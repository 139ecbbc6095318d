"""Orders over HTTP that are restarted or stopped, and what an order shows of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db.models.functions import Now

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.api import queries
from approvals.models import OrderExecution, OrderIntervention
from tests import factories
from tests.callers import Caller, refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine")]

KEY = {"HTTP_IDEMPOTENCY_KEY": "one"}
ORDER = {"order_id": "ORD-1", "total": 812.5, "items": [{"sku": "LAMP-1", "quantity": 2}]}


@pytest.fixture
def failed(shop: Caller, running: None) -> None:
    """ORD-1, whose execution has failed of an outage."""
    shop.post("orders/", ORDER)
    OrderExecution.objects.update(status="failed", error="Lambda.Unknown", cause="No answer.")


def test_a_failed_order_is_restarted(shop: Caller, failed: None) -> None:
    answer = shop.post("orders/ORD-1/restart/", {"reason": "It is back."})

    shown = answer.json()
    (intervention,) = shown["interventions"]
    assert (answer.status_code, shown["status"]) == (200, "failed")
    assert shown["error"] == {"name": "Lambda.Unknown", "cause": "No answer."}
    assert {name: intervention[name] for name in ("kind", "reason", "by", "outcome")} == {
        "kind": "redrive",
        "reason": "It is back.",
        "by": "shop@example.com",
        "outcome": None,
    }
    problem = refused(shop.post("orders/ORD-1/restart/"), 409, "order_conflict")
    assert (problem["order_id"], problem["order_status"]) == ("ORD-1", "failed")


def test_a_new_attempt_is_what_the_order_shows_from_then_on(shop: Caller, failed: None) -> None:
    OrderExecution.objects.update(error="OrderRejected")

    shown = shop.post("orders/ORD-1/restart/").json()

    assert (shown["attempt"], shown["execution_arn"], shown["input"]) == (2, None, ORDER)
    assert [row["attempt"] for row in shown["attempts"]] == [2, 1]
    assert shop.get("orders/ORD-1/").json() == shown
    assert len(shop.get("orders/").json()["results"]) == 2


def test_of_an_order_with_many_attempts_the_latest_are_shown(
    shop: Caller, failed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MOST_ATTEMPTS", 2)
    for _ in range(2):
        OrderExecution.objects.update(status="failed", error="OrderRejected")
        shop.post("orders/ORD-1/restart/")

    shown = shop.get("orders/ORD-1/").json()

    assert [row["attempt"] for row in shown["attempts"]] == [3, 2]
    assert shown["input"] == ORDER


def test_of_many_interventions_in_an_order_the_newest_are_shown(
    shop: Caller, failed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MOST_INTERVENTIONS", 2)
    for reason in ("first", "second", "third"):
        shop.post("orders/ORD-1/restart/", {"reason": reason})
        OrderIntervention.objects.update(outcome="done", ended_at=Now())

    shown = shop.get("orders/ORD-1/").json()["interventions"]

    assert [row["reason"] for row in shown] == ["third", "second"]


def test_a_running_order_is_stopped_for_a_reason(shop: Caller, running: None) -> None:
    shop.post("orders/", ORDER)

    answer = shop.post("orders/ORD-1/stop/", {"reason": "The customer cancelled."})

    assert answer.json()["interventions"][0]["kind"] == "stop"
    assert refused(shop.post("orders/ORD-1/stop/"), 422, "invalid")["pointer"] == "/reason"
    refused(shop.post("orders/ORD-1/restart/"), 409, "order_conflict")
    refused(shop.post("orders/ORD-2/stop/", {"reason": "x"}), 404, "not_found")


@pytest.mark.parametrize("error", ["Lambda.Unknown", "OrderRejected"])
def test_a_restart_under_a_key_is_one_restart(shop: Caller, failed: None, error: str) -> None:
    OrderExecution.objects.update(error=error)

    answers = [shop.post("orders/ORD-1/restart/", **KEY) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.content for answer in answers}) == 1
    refused(shop.post("orders/ORD-1/restart/", {"reason": "x"}, **KEY), 422, "idempotency_mismatch")


def test_who_may_only_look_at_orders_changes_none(
    shop: Caller, api: Caller, call: Callable[..., Caller], failed: None
) -> None:
    auditor = factories.user("audit@example.com")
    people.grant_site(auditor, "auditor", by=COMMAND_LINE)

    for caller in (call(auditor), api, call(factories.user("s@example.com"), "decide")):
        refused(caller.post("orders/ORD-1/restart/"), 403, "not_allowed")
        refused(caller.post("orders/ORD-1/stop/", {"reason": "x"}), 403, "not_allowed")
