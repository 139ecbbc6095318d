"""Webhooks at the same moment, on real transactions: twins get one answer, and one decider wins."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

import pytest

from approvals.models import (
    Decision,
    IdempotencyKey,
    OutboxEntry,
    ReviewQueue,
    ReviewTask,
    User,
    Vote,
)
from tests import factories
from tests.api.signing import Sender, about, issue
from tests.callers import Caller
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_twins_in_flight_get_one_answer(alice: User, queue: ReviewQueue) -> None:
    sender = issue()
    for number in range(5):
        body = json.dumps(about(factories.review(queue))).encode()
        headers = sender.headers(body, f"msg-{number}")

        answers = at_once([lambda: Sender(sender.secret).post(body, headers)] * 8)  # noqa: B023

        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
    assert Vote.objects.count() == Decision.objects.count() == IdempotencyKey.objects.count() == 5


def test_twins_that_are_refused_get_one_answer_too(
    alice: User, bob: User, queue: ReviewQueue
) -> None:
    sender = issue()
    body = json.dumps(about(factories.review(queue), reviewer_email="nobody@example.com")).encode()
    headers = sender.headers(body, "msg-1")

    answers = at_once([lambda: Sender(sender.secret).post(body, headers)] * 8)

    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.content for answer in answers}) == 1
    assert IdempotencyKey.objects.count() == 1


def test_of_two_bodies_under_one_id_one_is_carried_out(alice: User, queue: ReviewQueue) -> None:
    sender, review = issue(), factories.review(queue)
    calls = [about(review, approved=number % 2 == 0) for number in range(8)]

    answers = at_once([partial(Sender(sender.secret).send, call, "msg-1") for call in calls])

    done = [answer for answer in answers if answer.status_code == 200]
    codes = [answer.json()["code"] for answer in answers if answer.status_code == 409]
    assert (len(done), codes) == (4, ["receipt_conflict"] * 4)
    assert len({answer.content for answer in done}) == 1
    assert done[0].json()["outcome"] == Decision.objects.get().outcome


def test_sixteen_decide_over_webhook_and_api_and_one_has_decided(
    call: Callable[..., Caller], alice: User, bob: User, lena: User, review: ReviewTask
) -> None:
    people, sender = [alice, bob, lena, bob], issue()
    path = f"reviews/{review.pk}/decisions/"
    callers = [call(people[number % 4]) for number in range(8)]
    bodies = [
        about(review, approved=number % 2 == 0, reviewer_email=people[number % 4].email)
        for number in range(8)
    ]
    outcomes = ["approved", "rejected"] * 4

    answers = at_once(
        [
            *(lambda body=body: Sender(sender.secret).send(body) for body in bodies),
            *(
                lambda caller=caller, outcome=outcome: caller.post(path, {"outcome": outcome})
                for caller, outcome in zip(callers, outcomes, strict=True)
            ),
        ]
    )

    won = [answer for answer in answers if answer.status_code in (200, 201)]
    lost = [answer.json() for answer in answers if answer.status_code == 409]
    assert (len(won), len(lost)) == (1, 15)
    decision = Decision.objects.get()
    assert {(problem["code"], problem["by"]) for problem in lost} == {
        ("already_decided", decision.by.email)
    }
    assert Vote.objects.count() == OutboxEntry.objects.count() == 1
    assert won[0].status_code == (200 if decision.surface == "webhook" else 201)
