"""AWS refuses a queue's answers: people go on deciding, deliveries wait, and it ends by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client

from approvals.actions import decisions
from approvals.delivery import lanes
from approvals.models import AuditEvent, Breaker, OutboxEntry, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.records import circuit_breakers
from tests import factories
from tests.factories import actor
from tests.fake_aws import FakeAws, Fault
from tests.waiting_reviews import AT_ONCE, deliver, take_in

pytestmark = pytest.mark.django_db(transaction=True)
Waiting = Callable[..., ReviewTask]
CALLBACKS = OutboxEntry.Lane.CALLBACKS


def decided(waiting: Waiting, by: User, name: str) -> ReviewTask:
    """A review of its own execution, approved and due."""
    return decisions.decide(
        waiting(name).pk, Outcome.APPROVED, by=actor(by, "api"), request=AT_ONCE
    )


def trip(aws: FakeAws, waiting: Waiting, by: User, fault: Fault) -> list[ReviewTask]:
    """Three refusals in a row."""
    aws.switch("SendTask*", fault)
    reviews = [decided(waiting, by, f"order-{number}") for number in range(3)]
    for review in reviews:
        deliver(review)
    return reviews


def probe_now(queue: ReviewQueue) -> None:
    """Bring the next probe forward: by moving the row, not the clock."""
    Breaker.objects.filter(queue=queue).update(retry_at=F("opened_at"))


@pytest.mark.parametrize(
    "fault", [Fault.ACCESS_DENIED, Fault.EXPIRED_CREDENTIALS, Fault.THROTTLED, Fault.KMS_THROTTLED]
)
def test_after_three_refusals_deliveries_wait_and_decisions_go_on(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, ada: User, fault: Fault
) -> None:
    trip(aws, waiting, ada, fault)
    assert Breaker.objects.get(queue=held).opened_at is not None
    calls = len(aws.log.calls("SendTaskSuccess"))
    fourth = decided(waiting, ada, "order-4")
    assert deliver(fourth).delivery == ("waiting", "breaker_open")
    assert lanes.drain(CALLBACKS) == 0
    assert len(aws.log.calls("SendTaskSuccess")) == calls


def test_one_probe_at_a_time_finds_out_and_then_everything_leaves(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, ada: User
) -> None:
    reviews = trip(aws, waiting, ada, Fault.ACCESS_DENIED)
    probe_now(held)
    calls = len(aws.log.calls("SendTaskSuccess"))
    for review in reviews:
        deliver(review)
    assert len(aws.log.calls("SendTaskSuccess")) == calls + 1  # refused again: still open
    aws.switch("SendTask*", None)
    probe_now(held)
    assert deliver(reviews[0]).delivery == ("delivered", "acknowledged")
    assert not Breaker.objects.exists()
    assert lanes.drain(CALLBACKS) == 2
    for review in reviews:
        review.refresh_from_db()
        assert deliver(review).delivery == ("delivered", "acknowledged")


def test_while_it_is_open_every_answer_that_waits_says_so_and_probes_are_no_news(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, ada: User
) -> None:
    trip(aws, waiting, ada, Fault.ACCESS_DENIED)
    assert {entry.detail for entry in OutboxEntry.objects.all()} == {"breaker_open"}

    for _ in range(4):  # an outage of AWS lasts for many probes
        probe_now(held)
        deliver(ReviewTask.objects.get(reference="order-0"))

    assert {entry.detail for entry in OutboxEntry.objects.all()} == {"breaker_open"}
    assert AuditEvent.objects.filter(kind="callback.retrying").count() == 3  # one a decision


def test_two_refusals_and_a_success_open_nothing(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, ada: User
) -> None:
    aws.plan("SendTask*", [Fault.THROTTLED, Fault.THROTTLED])
    review = decided(waiting, ada, "order-1")
    assert deliver(review, times=3).delivery == ("delivered", "acknowledged")
    assert not Breaker.objects.exists()


def test_another_queue_is_not_held_back(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, ada: User
) -> None:
    trip(aws, waiting, ada, Fault.ACCESS_DENIED)
    aws.switch("SendTask*", None)
    other = factories.queue("other", sqs_url=aws.create_queue("other"), region="eu-west-1")
    eve = factories.user("eve@example.com", "reviewer", other)
    machine = aws.machine("other", review_queue_url=other.sqs_url)
    arn = aws.start(machine, "other-1", {})

    take_in(other)
    review = ReviewTask.objects.get(execution_arn=arn)
    review = decisions.decide(review.pk, Outcome.APPROVED, by=actor(eve, "api"), request=AT_ONCE)
    assert deliver(review).delivery == ("delivered", "acknowledged")


def test_the_desk_says_so_and_names_what_runs_out_of_time_first(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, ada: User, client: Client
) -> None:
    _, second, *_ = trip(aws, waiting, ada, Fault.ACCESS_DENIED)
    ReviewTask.objects.filter(pk=second.pk).update(deadline_at=F("sent_at"))
    client.force_login(ada)
    page = client.get("/").content.decode()
    assert "AWS refuses the answers of" in page
    assert "AccessDeniedException" in page
    assert page.index("order-1") < page.index("order-0")
    carol = factories.user("carol@example.com", "reviewer", factories.queue("refunds"))
    client.force_login(carol)
    assert "AWS refuses" not in client.get("/").content.decode()


def test_only_a_due_entry_that_waits_is_marked_as_held_back_and_only_while_the_breaker_is_open(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting, ada: User
) -> None:
    due, later, abandoned = (decided(waiting, ada, f"order-{number}") for number in range(3))
    entries = {
        each.decision_id: OutboxEntry.objects.get(subject=each.decision_id)
        for each in (due, later, abandoned)
    }
    of = OutboxEntry.objects.filter
    of(subject=later.decision_id).update(not_before=Now() + timedelta(minutes=1))
    of(subject=abandoned.decision_id).update(state="sending", lease_until=Now())

    def held_back() -> list[object]:
        for entry in entries.values():
            circuit_breakers.hold_back(entry.pk)
        return list(of(detail="breaker_open").values_list("subject", flat=True))

    Breaker.objects.create(queue=held, strikes=2)
    assert held_back() == []
    Breaker.objects.update(opened_at=Now(), retry_at=Now())
    assert held_back() == [due.decision_id]
