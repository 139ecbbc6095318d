"""Callers at the same time, on real transactions: one decision, one lease each, one execution."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from approvals.actions import configuration
from approvals.delivery import lanes
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import Decision, OrderExecution, OutboxEntry, Vote
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def together(*asked: Callable[[], Any]) -> list[Any]:
    """Every answer, each from a thread of its own, started at one moment."""
    start = threading.Barrier(len(asked))

    def ask(one: Callable[[], Any]) -> Any:
        start.wait(10)
        try:
            return one()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(asked)) as threads:
        return list(threads.map(ask, asked))


def test_eight_decide_and_one_has_decided(call, alice, bob, lena, review):
    path = f"reviews/{review.pk}/decisions/"
    callers = [call(user) for user in (alice, bob, lena, alice, bob, lena, alice, bob)]
    outcomes = ["approved", "rejected"] * 4

    answers = together(
        *(
            lambda caller=caller, outcome=outcome: caller.post(path, {"outcome": outcome})
            for caller, outcome in zip(callers, outcomes, strict=True)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]
    (won,) = (answer.json() for answer in answers if answer.status_code == 201)
    for lost in (answer.json() for answer in answers if answer.status_code == 409):
        assert (lost["code"], lost["by"]) == ("already_decided", won["decision"]["by"])
    assert Decision.objects.count() == Vote.objects.count() == OutboxEntry.objects.count() == 1


def test_next_gives_everybody_another_review(call, alice, bob, lena, queue):
    for _ in range(4):
        factories.review(queue)
    callers = [call(user) for user in (alice, bob, lena, alice, bob, lena)]

    answers = together(
        *(lambda caller=caller: caller.post("queues/manual-review/next/") for caller in callers)
    )

    taken = [answer.json()["id"] for answer in answers if answer.status_code == 200]
    assert sorted(answer.status_code for answer in answers) == [*[200] * 4, 204, 204]
    assert len(set(taken)) == 4


def test_an_order_that_several_send_runs_once_while_they_wait(call, settings, monkeypatch, db):
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = machine
    keeper = factories.user("shop@example.com")
    configuration.grant_site(keeper, "orders", by=None)
    caller, started = call(keeper), []

    def start(machine, name, text):
        started.append(name)
        return Answer(Proof.ACCEPTED), f"{machine.replace('stateMachine', 'execution')}:{name}"

    monkeypatch.setattr(stepfunctions, "start_execution", start)

    def worker():
        for _ in range(300):
            if lanes.drain(OutboxEntry.Lane.EXECUTIONS):
                return
            threading.Event().wait(0.01)

    def send():
        return caller.post("orders/", {"order_id": "ORD-1"})

    answers = [answer for answer in together(send, send, send, worker) if answer is not None]

    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len({answer.json()["execution_arn"] for answer in answers}) == 1
    assert (started, OrderExecution.objects.count()) == (["order-ORD-1"], 1)
