"""What a message names decides neither whom AWS is asked about nor how often."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now

from approvals.actions import decisions
from approvals.arns import Place
from approvals.gateways import aws as gateway
from approvals.gateways import histories, stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import ExecutionSnapshot, OutboxEntry, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.reconciliation import executions
from approvals.records import database_time, execution_snapshots, rate_limits
from tests import factories
from tests.factories import actor
from tests.fake_aws import FakeAws
from tests.waiting_reviews import AT_ONCE, deliver

pytestmark = pytest.mark.django_db
Waiting = Callable[..., ReviewTask]
ARN = "arn:aws:states:{region}:{account}:execution:{name}:order-{number}"
UNKNOWN = (Answer(Proof.REFUSED, "ExecutionDoesNotExist"), None)


def named(number: int = 1, **parts: str) -> str:
    usual = {"region": "us-east-1", "account": "123456789012", "name": "orders"}
    return ARN.format(number=number, **usual | parts)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The executions that AWS was asked about; it knows none of them."""
    arns: list[str] = []

    def describe(place: Any, arn: str) -> Any:
        arns.append(arn)
        return UNKNOWN

    monkeypatch.setattr(stepfunctions, "describe_execution", describe)
    return arns


def all_due() -> None:
    """The time of every look has come."""
    ExecutionSnapshot.objects.update(due_at=Now() - timedelta(seconds=1))


@pytest.mark.parametrize(
    "arn",
    [
        named(region="zz-aa-1"),
        named(account="999999999999"),
        named(name="others"),
        "order-1",
    ],
    ids=["region", "account", "state machine", "no ARN"],
)
def test_an_execution_that_is_not_the_queues_becomes_a_review_and_is_never_asked_after(
    arn: str, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
    queue = factories.queue(state_machine_arns=[orders])
    monkeypatch.setattr(histories, "read", lambda *_, **__: asked.append("history"))
    review = factories.review(queue, executionArn=arn)
    ReviewTask.objects.update(deadline_at=F("sent_at"))

    for _ in range(3):
        all_due()
        executions.ask_due(limit=100)

    assert (review.status, asked) == ("pending", [])
    assert ExecutionSnapshot.objects.filter(due_at__lte=Now() + timedelta(hours=1)).count() == 0


def test_a_decision_about_an_execution_of_another_region_goes_to_the_region_of_the_queue(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, ada: User
) -> None:
    review = waiting()
    ReviewTask.objects.filter(pk=review.pk).update(
        execution_arn=review.execution_arn.replace("eu-west-1", "zz-aa-1")
    )

    decided = decisions.decide(review.pk, Outcome.APPROVED, by=actor(ada, "api"), request=AT_ONCE)

    assert deliver(decided).delivery == ("delivered", "acknowledged")


def test_a_forged_token_of_another_account_parks_its_decision_without_a_question(
    aws: FakeAws, held: ReviewQueue, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions: list[str] = []
    monkeypatch.setattr(histories, "read", lambda *_, **__: questions.append("history"))
    review = factories.review(held, executionArn=named(account="999999999999"))

    decided = decisions.decide(review.pk, Outcome.APPROVED, by=actor(ada, "api"), request=AT_ONCE)

    assert deliver(decided).delivery == ("parked", "invalid_token")
    assert questions == []


def test_sixty_regions_named_by_messages_make_no_client(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting
) -> None:
    waiting()
    for number in range(60):
        factories.review(held, executionArn=named(region=f"zz-aa-{number}"))
    all_due()

    executions.ask_due(limit=100)

    assert gateway.stepfunctions.cache_info().currsize == 1


def test_questions_about_an_execution_that_aws_does_not_know_pause_ever_longer(
    queue: ReviewQueue, asked: list[str]
) -> None:
    factories.review(queue, executionArn=named())
    pauses = []
    for _ in range(10):
        all_due()
        executions.ask_due(limit=1)
        row = ExecutionSnapshot.objects.get()
        assert row.due_at is not None
        assert row.not_before == row.due_at
        pauses.append(row.due_at - database_time.now())

    assert pauses[0] < timedelta(seconds=31)
    assert all(a * 1.9 < b for a, b in pairwise(pauses[:7]))
    assert timedelta(minutes=59) < pauses[-1] <= timedelta(hours=1)


def test_more_messages_about_it_do_not_shorten_the_pause(
    queue: ReviewQueue, asked: list[str]
) -> None:
    factories.review(queue, executionArn=named(), orderId="7")
    for _ in range(4):
        all_due()
        executions.ask_due(limit=1)

    for _ in range(3):
        factories.review(queue, executionArn=named(), orderId="7")
        executions.ask_due(limit=1)

    assert len(asked) == 4
    execution_snapshots.hurry(named())
    executions.ask_due(limit=1)
    assert len(asked) == 5, "an event of AWS itself does"


def test_forged_executions_have_a_small_share_and_delay_no_proved_one(
    queue: ReviewQueue, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "LEAST_BURST", 5)
    for number in range(100):
        factories.review(queue, executionArn=named(number))
    honest = [named(number) for number in range(1000, 1020)]
    for arn in honest:
        factories.review(queue, executionArn=arn)
    ExecutionSnapshot.objects.update(due_at=Now() - timedelta(minutes=1))
    proved = ExecutionSnapshot.objects.filter(execution_arn__in=honest)
    proved.update(due_at=Now(), proved=True)

    executions.ask_due(limit=100)

    assert set(asked[:20]) == set(honest)
    assert len(asked) == 20 + 5


def test_a_region_whose_rate_limit_is_used_up_holds_up_no_other(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "LEAST_BURST", 2)
    monkeypatch.setattr(executions, "UNPROVED_A_MINUTE", 2)
    here = factories.queue()
    there = factories.queue(
        "there", region="eu-west-1", sqs_url="http://127.0.0.1/123456789012/there"
    )
    for number in range(10):
        factories.review(here, executionArn=named(number))
    factories.review(there, executionArn=named(region="eu-west-1"))
    ExecutionSnapshot.objects.update(due_at=Now() - timedelta(minutes=1))
    ExecutionSnapshot.objects.filter(pk=named(region="eu-west-1")).update(due_at=Now())

    executions.ask_due(limit=5)

    assert named(region="eu-west-1") in asked
    assert len(asked) == 3


def test_an_execution_whose_look_fails_stops_no_other(
    queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []

    def describe(place: Any, arn: str) -> Any:
        asked.append(arn)
        if arn == named(0):
            raise RuntimeError("a bug")
        return UNKNOWN

    monkeypatch.setattr(stepfunctions, "describe_execution", describe)
    for number in range(3):
        factories.review(queue, executionArn=named(number))
    all_due()
    executions.ask_due(limit=9)
    all_due()
    executions.ask_due(limit=9)

    assert sorted(asked) == sorted([named(0), *[named(1), named(2)] * 2])
    assert "periodic.row_failed" in caplog.text


def test_many_reviews_of_one_execution_are_settled_by_one_reading_of_its_history(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = waiting()
    for _ in range(20):
        factories.review(held, executionArn=review.execution_arn)
    aws.end(review.execution_arn, "FAILED")
    read, pages = histories.read, list[str]()

    def counted(place: Place, arn: str, *more: Any, **options: Any) -> Any:
        pages.append(arn)
        return read(place, arn, *more, **options)

    monkeypatch.setattr(histories, "read", counted)
    all_due()

    executions.ask_due(limit=1)

    assert ReviewTask.objects.pending().count() == 0
    assert len(pages) == 1


def test_nothing_of_a_decided_forged_review_waits(queue: ReviewQueue, asked: list[str]) -> None:
    factories.review(queue, executionArn=named(region="zz-aa-1"))
    ReviewTask.objects.update(status="expired")
    all_due()

    executions.ask_due(limit=1)

    assert asked == []
    assert OutboxEntry.objects.count() == 0


def test_reviews_of_another_queue_that_name_an_execution_hide_no_genuine_one(
    aws: FakeAws, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = waiting()
    other = factories.queue(
        "other", sqs_url="https://sqs.us-east-1.amazonaws.com/999999999999/other"
    )
    monkeypatch.setattr(executions, "SETTLED_AT_ONCE", 2)
    for _ in range(2):
        factories.review(other, executionArn=genuine.execution_arn, timeoutSeconds=10)
    aws.expire(aws.tasks()[-1]["token"])
    all_due()

    executions.ask_due(limit=10)

    genuine.refresh_from_db()
    assert genuine.status == "expired"


def test_the_history_ends_an_unproved_review_whose_queue_was_mended(
    aws: FakeAws, waiting: Waiting
) -> None:
    review = waiting()
    ReviewTask.objects.filter(pk=review.pk).update(status="unproved")
    aws.expire(aws.tasks()[-1]["token"])
    all_due()

    executions.ask_due(limit=10)

    review.refresh_from_db()
    assert review.status == "expired"
