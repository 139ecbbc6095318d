"""Who may restart or stop an order, and when: one intervention at a time, in the last attempt."""

from __future__ import annotations

import pytest
from django.db.models.functions import Now

from approvals.actions import interventions, people
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.exceptions import Invalid, NotAllowed, NotFound, OrderConflict
from approvals.models import OrderExecution, OrderIntervention, OutboxEntry, User
from approvals.orchestration import fulfillment
from approvals.records import idempotency
from tests import factories
from tests.factories import actor
from tests.fake_aws import FakeAws
from tests.order_executions import (
    ID,
    deliver,
    end,
    kinds,
    latest,
    order_in,
    redrives,
    restart,
    stop,
)
from tests.races import at_once, while_another_commits

pytestmark = pytest.mark.django_db
KEY = factories.idempotency_key()


@pytest.fixture
def shop(db: None) -> User:
    """Who may start, restart and stop orders."""
    keeper = factories.user("shop@example.com")
    people.grant_site(keeper, "orders", by=COMMAND_LINE)
    return keeper


def test_what_nobody_has_begun_to_start_never_starts(aws: FakeAws, order_workflow: str) -> None:
    fulfillment.start_order_fulfillment({"order_id": ID}, by=COMMAND_LINE)

    stop()
    deliver()

    assert (latest().status, latest().execution_arn) == ("aborted", "")
    assert aws.log.effects("ExecutionStarted") == []
    assert kinds(latest()) == ["order.accepted", "order.stopped"]


@pytest.mark.django_db(transaction=True)
def test_a_start_that_a_sender_has_leased_meanwhile_is_stopped_by_step_functions(
    aws: FakeAws, order_workflow: str
) -> None:
    fulfillment.start_order_fulfillment({"order_id": ID}, by=COMMAND_LINE)
    leases = (
        "UPDATE approvals_outboxentry SET state = 'sending', attempts = 1,"
        " lease_until = now() + interval '1 minute' WHERE kind = 'start'"
    )

    while_another_commits(leases, [], stop)

    assert OrderIntervention.objects.get().kind == OrderIntervention.Kind.STOP
    assert kinds(latest()) == ["order.accepted", "order.stop_asked"]


def test_what_runs_is_stopped_by_step_functions_though_its_start_waits_in_a_restored_database(
    db: None,
) -> None:
    order = order_in("running")
    factories.outbox_entry(OutboxEntry.Kind.START, order.pk, b"{}", not_before=Now())

    assert stop().status == "running"

    assert OrderIntervention.objects.get().kind == OrderIntervention.Kind.STOP


def test_what_was_stopped_before_its_start_begins_anew(aws: FakeAws, order_workflow: str) -> None:
    fulfillment.start_order_fulfillment({"order_id": ID}, by=COMMAND_LINE)
    stop()

    restart()
    deliver()

    assert (latest().attempt, latest().status) == (2, "running")


@pytest.mark.parametrize("status", ["pending", "running", "succeeded", "refused"])
def test_there_is_nothing_to_restart_unless_it_ended_badly(status: str, db: None) -> None:
    order_in(status)

    with pytest.raises(OrderConflict) as refused:
        restart()
    assert refused.value.extra == {"order_id": ID, "order_status": status}


@pytest.mark.parametrize("status", ["succeeded", "failed", "timed_out", "aborted", "refused"])
def test_there_is_nothing_to_stop_once_it_has_ended(status: str, db: None) -> None:
    order_in(status)

    with pytest.raises(OrderConflict):
        stop()
    assert not OutboxEntry.objects.exists()


def test_one_intervention_at_a_time(aws: FakeAws, failed_order: OrderExecution) -> None:
    restart()

    with pytest.raises(OrderConflict, match="being restarted"):
        restart()


def test_an_attempt_that_is_not_the_last_is_not_touched(
    aws: FakeAws, running_order: OrderExecution
) -> None:
    end(aws, running_order, error="OrderRejected")
    restart()

    with pytest.raises(OrderConflict, match="newer attempt"):
        restart(attempt=running_order.pk)


def test_only_the_groups_orders_and_operator_intervene_in_an_order(
    aws: FakeAws, failed_order: OrderExecution, shop: User, carol: User
) -> None:
    people.grant_site(carol, "auditor", by=COMMAND_LINE)

    for verb in (interventions.restart, lambda pk, **who: interventions.stop(pk, "x", **who)):
        with pytest.raises(NotAllowed):
            verb(ID, by=actor(carol))
    interventions.restart(ID, by=actor(shop))
    assert OrderIntervention.objects.get().created_by == shop


def test_the_redrives_that_were_counted_first_stay(db: None) -> None:
    order, ended = order_in("failed"), Now()
    OrderIntervention.objects.create(order=order, kind="redrive", outcome="refused", ended_at=ended)
    intervention = OrderIntervention.objects.create(order=order, kind="redrive")

    assert [interventions.note_redrives(intervention.pk, count) for count in (1, 2)] == [1, 1]


@pytest.mark.parametrize("status", ["pending", "running"])
def test_under_a_key_an_order_is_stopped_once(status: str, db: None) -> None:
    order = order_in(status)
    stop(key=KEY)

    with pytest.raises(idempotency.AlreadyAnswered) as earlier:
        stop(key=KEY)

    assert earlier.value.result == order.pk


@pytest.mark.parametrize(("error", "attempt"), [("Lambda.Unknown", 1), ("OrderRejected", 2)])
def test_under_a_key_an_order_is_restarted_once_and_the_key_keeps_the_attempt(
    aws: FakeAws, running_order: OrderExecution, error: str, attempt: int
) -> None:
    end(aws, running_order, error=error)
    assert restart(key=KEY).attempt == attempt

    with pytest.raises(idempotency.AlreadyAnswered) as earlier:
        restart(key=KEY)

    assert earlier.value.result == latest().pk


def test_a_restart_takes_a_reason_that_can_be_kept(
    aws: FakeAws, failed_order: OrderExecution
) -> None:
    with pytest.raises(Invalid) as refused:
        restart(reason="x" * 1_001)
    assert refused.value.extra == {"pointer": "/reason"}

    restart(reason="x" * 1_000)
    assert OrderIntervention.objects.get().reason == "x" * 1_000


@pytest.mark.parametrize("reason", ["", " \n", "x" * 1_001, "a\0b"])
def test_a_stop_needs_a_reason_that_can_be_kept(db: None, reason: str) -> None:
    order_in("running")

    with pytest.raises(Invalid) as refused:
        stop(reason)
    assert refused.value.extra == {"pointer": "/reason"}


def test_an_order_that_is_not_there_is_not_found(db: None) -> None:
    with pytest.raises(NotFound):
        restart()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", ["Lambda.Unknown", "OrderRejected"])
def test_sixteen_restarts_at_once_are_one(
    aws: FakeAws, running_order: OrderExecution, error: str
) -> None:
    end(aws, running_order, error=error)

    answers = at_once([restart] * 16)
    at_once([lambda: lanes.drain(OutboxEntry.Lane.EXECUTIONS)] * 4)
    deliver()

    losers = [answer for answer in answers if isinstance(answer, OrderConflict)]
    assert len(losers) == 15
    begun = [line["execution"] for line in aws.log.effects("ExecutionStarted")]
    anew = 1 if error == "OrderRejected" else 0
    assert (redrives(aws, running_order), len(begun)) == (1 - anew, 1 + anew)
    assert latest().status == "running"


@pytest.mark.django_db(transaction=True)
def test_of_a_restart_and_a_stop_at_once_one_is_refused(
    aws: FakeAws, failed_order: OrderExecution
) -> None:
    for _ in range(4):
        answers = at_once([restart, stop] * 4)
        deliver(2)

        assert sum(not isinstance(answer, OrderConflict) for answer in answers) == 1
        assert latest().status == "running"
        end(aws, failed_order, error="Lambda.Unknown")


def test_a_stop_and_a_restart_that_raced_a_pending_start_leave_one_execution(
    aws: FakeAws, order_workflow: str
) -> None:
    fulfillment.start_order_fulfillment({"order_id": ID}, by=COMMAND_LINE)
    stop()
    restart()
    stop()
    deliver(2)

    assert aws.log.effects("ExecutionStarted") == []
    assert [row.status for row in OrderExecution.objects.all()] == ["aborted", "aborted"]
