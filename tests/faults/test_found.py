"""Faults that the campaigns have found in the product, each as a minimal regression test."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from approvals.models import ReviewQueue, ReviewTask
from approvals.polling import poller
from tests.fake_aws import FakeAws, Fault
from tests.waiting_reviews import ask_now, token_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_newer_review_that_cannot_be_asked_after_just_now_is_waited_for(
    aws: FakeAws, held: ReviewQueue, waiting: Callable[..., ReviewTask]
) -> None:
    older = waiting()
    aws.retry(token_of(aws, older))
    poller.poll_once(held, wait_seconds=0)
    aws.plan("GetExecutionHistory", [Fault.THROTTLED])

    ask_now(older)
    assert (
        older.status == "pending"
    )  # it was called expired, and its claim and comments stayed behind

    ask_now(older)
    assert older.status == "superseded"
