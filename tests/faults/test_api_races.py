"""Callers at the same time, on real transactions: one decision, one lease each, one execution."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import (
    Comment,
    Decision,
    OrderExecution,
    OutboxEntry,
    ReviewQueue,
    ReviewTask,
    User,
    Vote,
)
from approvals.orchestration import fulfillment
from tests import factories
from tests.callers import Caller

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


def test_eight_decide_and_one_has_decided(
    call: Callable[..., Caller], alice: User, bob: User, lena: User, review: ReviewTask
) -> None:
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


def test_next_gives_everybody_another_review(
    call: Callable[..., Caller], alice: User, bob: User, lena: User, queue: ReviewQueue
) -> None:
    for _ in range(4):
        factories.review(queue)
    callers = [call(user) for user in (alice, bob, lena, alice, bob, lena)]

    answers = together(
        *(lambda caller=caller: caller.post("queues/manual-review/next/") for caller in callers)
    )

    taken = [answer.json()["id"] for answer in answers if answer.status_code == 200]
    assert sorted(answer.status_code for answer in answers) == [*[200] * 4, 204, 204]
    assert len(set(taken)) == 4


def test_an_order_that_several_send_runs_once_while_they_wait(
    call: Callable[..., Caller], settings: Any, monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = machine
    keeper = factories.user("shop@example.com")
    people.grant_site(keeper, "orders", by=COMMAND_LINE)
    caller = call(keeper)
    started: list[str] = []

    def start(machine: str, name: str, _text: str) -> tuple[Answer, str]:
        started.append(name)
        return Answer(Proof.ACCEPTED), f"{machine.replace('stateMachine', 'execution')}:{name}"

    monkeypatch.setattr(stepfunctions, "start_execution", start)

    def worker() -> None:
        for _ in range(300):
            if lanes.drain(OutboxEntry.Lane.EXECUTIONS):
                return
            threading.Event().wait(0.01)

    def send() -> Any:
        return caller.post("orders/", {"order_id": "ORD-1"})

    answers = [answer for answer in together(send, send, send, worker) if answer is not None]

    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len({answer.json()["execution_arn"] for answer in answers}) == 1
    assert (started, OrderExecution.objects.count()) == (["order-ORD-1"], 1)


def answers_of(
    caller: Caller, path: str, body: dict[str, Any], threads: int = 16
) -> set[tuple[int, bytes]]:
    """The different answers to the same request under one key, sent by so many threads at once."""
    send = [lambda: caller.post(path, body, HTTP_IDEMPOTENCY_KEY="one")] * threads
    return {(answer.status_code, answer.content) for answer in together(*send)}


def test_sixteen_twins_of_a_decision_are_one_vote_and_one_answer(
    call: Callable[..., Caller], alice: User, review: ReviewTask
) -> None:
    body = {"outcome": "approved", "reason": "Fine."}

    answers = answers_of(call(alice), f"reviews/{review.pk}/decisions/", body)

    assert len(answers) == 1
    assert answers.pop()[0] == 201
    assert (Vote.objects.count(), Decision.objects.count()) == (1, 1)
    assert OutboxEntry.objects.count() == 1


def test_sixteen_twins_of_next_take_one_review(
    call: Callable[..., Caller], alice: User, queue: ReviewQueue
) -> None:
    for _ in range(3):
        factories.review(queue)

    answers = answers_of(call(alice), "queues/manual-review/next/", {})

    assert len(answers) == 1
    assert ReviewTask.objects.exclude(assignee=None).count() == 1


def test_sixteen_twins_of_a_comment_say_it_once(
    call: Callable[..., Caller], alice: User, review: ReviewTask
) -> None:
    answers = answers_of(call(alice), f"reviews/{review.pk}/comments/", {"text": "Seen."})

    assert len(answers) == 1
    assert Comment.objects.count() == 1


def test_twins_of_an_order_start_it_once_and_get_one_answer(
    call: Callable[..., Caller], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = (
        "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
    )
    monkeypatch.setattr(fulfillment, "PATIENCE", 0.3)
    keeper = factories.user("shop@example.com")
    people.grant_site(keeper, "orders", by=COMMAND_LINE)

    answers = answers_of(call(keeper), "orders/", {"order_id": "ORD-1"}, 8)

    assert [status for status, _ in answers] == [202]
    assert OrderExecution.objects.count() == OutboxEntry.objects.count() == 1
