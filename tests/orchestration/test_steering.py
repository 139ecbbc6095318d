"""Restarting and stopping orders against an AWS that is true about names, redrives and ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now

from approvals import arns
from approvals.actions import interventions, people
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.exceptions import Invalid, NotAllowed, NotFound, OrderConflict
from approvals.gateways import aws as gateway
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import (
    AuditEvent,
    ExecutionHistory,
    ExecutionSnapshot,
    OrderExecution,
    OrderIntervention,
    OutboxEntry,
    User,
    Workflow,
)
from approvals.orchestration import fulfillment
from approvals.reconciliation import executions
from approvals.records import audit, execution_snapshots
from tests import factories
from tests.factories import actor
from tests.fake_aws import FakeAws
from tests.races import at_once

pytestmark = pytest.mark.django_db
ID = "7"


@pytest.fixture
def aws(settings: Any) -> Iterator[FakeAws]:
    """An account with the order workflow, whose executions end when they are told to."""
    with FakeAws(seed=11, fsync=False) as account:
        settings.AWS_ENDPOINT_URL = account.endpoint
        settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = account.machine("orders", ends=False)
        gateway.forget()
        yield account
    gateway.forget()


@pytest.fixture
def shop(db: None) -> User:
    """Who may start, restart and stop orders."""
    keeper = factories.user("shop@example.com")
    people.grant_site(keeper, "orders", by=COMMAND_LINE)
    return keeper


@pytest.fixture
def running(aws: FakeAws) -> OrderExecution:
    """Order 7, whose execution runs."""
    fulfillment.start_order_fulfillment({"order_id": ID, "total": 5}, by=COMMAND_LINE)
    deliver()
    return latest()


@pytest.fixture
def failed(aws: FakeAws, running: OrderExecution) -> OrderExecution:
    """Order 7, whose execution has failed of an outage."""
    end(aws, running, error="Lambda.Unknown", cause="No answer.")
    return latest()


def end(aws: FakeAws, order: OrderExecution, status: str = "FAILED", **details: str) -> None:
    """Let the execution end, and the service hear of it."""
    aws.end(order.execution_arn, status, **details)
    look(order)


def look(order: OrderExecution) -> None:
    """Ask about the execution as the sweeper would, now."""
    execution_snapshots.hurry(order.execution_arn)
    executions.inquire(order.execution_arn)


def latest(order_id: str = ID) -> OrderExecution:
    return OrderExecution.objects.attempts_at(order_id)[0]


def deliver(times: int = 1) -> None:
    """Attempts at all that waits or was left lying, pauses and leases cut short."""
    for _ in range(times):
        OutboxEntry.objects.filter(state="waiting").update(not_before=Now())
        OutboxEntry.objects.filter(state="sending").update(lease_until=Now())
        lanes.drain(OutboxEntry.Lane.EXECUTIONS)


def restart(**options: Any) -> OrderExecution:
    return interventions.restart(ID, by=COMMAND_LINE, **options)


def stop(reason: str = "The customer cancelled.", **options: Any) -> OrderExecution:
    return interventions.stop(ID, reason, by=COMMAND_LINE, **options)


def redrives(aws: FakeAws, order: OrderExecution) -> int:
    return int(aws.execution(order.execution_arn)["redrive_count"])


def kinds(order: OrderExecution) -> list[str]:
    chain = audit.chain_of("order", order.pk)
    assert audit.verify(chain) == []
    return list(
        AuditEvent.objects.filter(chain=chain).order_by("seq").values_list("kind", flat=True)
    )


def outcome() -> str:
    return OrderIntervention.objects.latest("created_at").outcome


def entry(kind: str) -> tuple[str, str]:
    found = OutboxEntry.objects.filter(kind=kind)
    return found.order_by("-created_at").values_list("state", "detail")[0]


# --- restart: redrive


def test_how_an_execution_ended_is_known_to_the_order(failed: OrderExecution) -> None:
    assert (failed.status, failed.error, failed.cause) == ("failed", "Lambda.Unknown", "No answer.")
    assert failed.ended_at is not None


def test_a_failed_order_is_redriven_under_its_arn(aws: FakeAws, failed: OrderExecution) -> None:
    assert restart() == failed
    deliver()

    order = latest()
    assert (order, order.status, order.ended_at, order.error) == (failed, "running", None, "")
    assert (redrives(aws, order), outcome()) == (1, "done")
    assert entry("redrive") == ("settled", "acknowledged")
    assert kinds(order)[-4:] == [
        "order.failed", "order.restart_asked", "order.running", "order.redriven",
    ]  # fmt: skip


def test_a_description_from_before_a_redrive_changes_nothing(
    aws: FakeAws, failed: OrderExecution, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, arn = arns.place_of(failed.execution_arn), failed.execution_arn
    before = stepfunctions.describe_execution(place, arn)
    restart()
    deliver()

    with monkeypatch.context() as lagging:
        lagging.setattr(stepfunctions, "describe_execution", lambda *_: before)
        look(failed)

    assert latest().status == "running"
    assert ExecutionSnapshot.objects.get(pk=arn).due_at is not None  # it is asked about again
    end(aws, latest(), "SUCCEEDED")
    assert latest().status == "succeeded"


def test_an_order_of_an_execution_that_aws_does_not_know_any_more_has_ended(
    aws: FakeAws, running: OrderExecution, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = (Answer(Proof.REFUSED, "ExecutionDoesNotExist"), None)
    monkeypatch.setattr(stepfunctions, "describe_execution", lambda *_: gone)

    look(running)
    assert latest().status == "running"  # DescribeExecution may lag

    OrderExecution.objects.update(started_at=F("started_at") - timedelta(hours=1))
    look(running)
    assert (latest().status, latest().error) == ("aborted", "ExecutionDoesNotExist")


def test_what_a_late_description_tells_of_an_end_is_kept(
    aws: FakeAws, failed: OrderExecution
) -> None:
    OrderExecution.objects.update(ended_at=None, error="", cause="")

    look(failed)

    assert (latest().error, latest().ended_at) == ("Lambda.Unknown", failed.ended_at)


def test_an_order_is_redriven_as_often_as_it_fails(aws: FakeAws, failed: OrderExecution) -> None:
    for count in (1, 2, 3):
        restart()
        deliver()
        assert redrives(aws, failed) == count
        end(aws, failed, error="Lambda.Unknown")
        assert latest().status == "failed"


@pytest.mark.parametrize("fault", ["lost_after", "lost_before", "server_error_after_apply"])
def test_a_redrive_whose_answer_is_lost_is_one_redrive(
    aws: FakeAws, failed: OrderExecution, fault: str
) -> None:
    aws.plan("RedriveExecution", [fault])

    restart()
    deliver(3)

    assert (redrives(aws, failed), outcome(), latest().status) == (1, "done", "running")
    assert not aws.unfired()


def test_a_redrive_that_failed_again_before_its_answer_was_looked_for_is_not_repeated(
    aws: FakeAws, failed: OrderExecution
) -> None:
    aws.plan("RedriveExecution", ["lost_after"])
    restart()
    deliver()
    aws.end(failed.execution_arn, "FAILED", error="Lambda.Unknown")
    aws.advance(1_000)  # AWS has forgotten the client token

    deliver(2)

    assert (redrives(aws, failed), outcome(), latest().status) == (1, "done", "failed")


def test_what_another_party_redrove_to_success_is_left_alone(
    aws: FakeAws, failed: OrderExecution
) -> None:
    restart()
    aws.redrive(failed.execution_arn)
    aws.end(failed.execution_arn)

    deliver()

    assert (redrives(aws, failed), latest().status) == (1, "succeeded")


# --- restart: a new attempt


def test_after_fourteen_days_an_order_begins_anew(aws: FakeAws, failed: OrderExecution) -> None:
    OrderExecution.objects.update(ended_at=F("ended_at") - timedelta(days=14))

    made = restart(reason="The warehouse is back.")
    deliver()

    again = latest()
    assert (again, again.attempt, again.name, again.status) == (made, 2, "order-7-r2", "running")
    assert (again.input, bytes(again.input_sha256)) == (failed.input, bytes(failed.input_sha256))
    assert again.execution_arn.endswith(":order-7-r2")
    assert kinds(failed)[-1] == "order.restarted"
    assert kinds(again) == ["order.accepted", "order.started"]


def test_what_aws_will_not_redrive_begins_anew(aws: FakeAws, failed: OrderExecution) -> None:
    aws.advance(15 * 86_400)

    restart()
    deliver(2)

    assert (latest().name, latest().status, outcome()) == ("order-7-r2", "running", "new_attempt")
    assert kinds(failed)[-2:] == ["order.not_redrivable", "order.restarted"]
    assert entry("redrive") == ("settled", "not_redrivable")


def test_what_aws_has_forgotten_begins_anew(aws: FakeAws, failed: OrderExecution) -> None:
    aws.forget(failed.execution_arn)

    restart()
    deliver(2)

    assert (latest().attempt, latest().status) == (2, "running")


@pytest.mark.parametrize("error", ["OrderRejected", "OrderExpired", "RollbackFailed"])
def test_an_outcome_of_the_business_begins_anew(
    aws: FakeAws, running: OrderExecution, error: str
) -> None:
    end(aws, running, error=error)

    assert restart().attempt == 2
    assert not OrderIntervention.objects.exists()


def test_the_fail_states_are_those_of_the_definition_it_ran(
    aws: FakeAws, running: OrderExecution
) -> None:
    definition = {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Refused"}}}
    flow = Workflow.objects.create(digest=b"x", definition=json.dumps(definition))
    ExecutionHistory.objects.create(execution_arn=running.execution_arn, workflow=flow)

    end(aws, running, error="Refused")

    assert restart().attempt == 2


def test_a_third_attempt_follows_the_second(aws: FakeAws, running: OrderExecution) -> None:
    for attempt in (2, 3):
        end(aws, latest(), error="OrderRejected")
        restart()
        deliver()
        assert latest().name == f"order-7-r{attempt}"


def test_an_attempt_never_takes_the_name_of_another_order(
    aws: FakeAws, running: OrderExecution
) -> None:
    fulfillment.start_order_fulfillment({"order_id": "7-r2"}, by=COMMAND_LINE)
    end(aws, running, error="OrderRejected")

    restart()
    deliver()

    assert latest().status == "running"
    assert latest().name != latest("7-r2").name == "order-7-r2"


def test_a_long_name_stays_within_the_limit(aws: FakeAws) -> None:
    order, _ = fulfillment.start_order_fulfillment({"order_id": "x" * 74}, by=COMMAND_LINE)
    deliver()
    end(aws, latest("x" * 74), error="OrderRejected")

    made = interventions.restart("x" * 74, by=COMMAND_LINE)

    assert len(order.name) == 80
    assert len(made.name) <= 80
    assert made.name.endswith("-r2")


# --- stop


def test_an_order_is_stopped_with_a_reason(aws: FakeAws, running: OrderExecution) -> None:
    stop()
    deliver()

    order, told = latest(), aws.execution(running.execution_arn)
    assert (order.status, outcome(), entry("stop")) == (
        "aborted", "done", ("settled", "acknowledged"),
    )  # fmt: skip
    assert told["error"] == "OrderStopped"
    assert told["cause"].startswith("Stopped by system: The customer cancelled. [stop ")
    assert kinds(order)[-3:] == ["order.stop_asked", "order.aborted", "order.stopped"]


@pytest.mark.parametrize("fault", ["lost_after", "lost_before", "throttled"])
def test_a_stop_whose_answer_is_lost_is_said_again(
    aws: FakeAws, running: OrderExecution, fault: str
) -> None:
    aws.plan("StopExecution", [fault])

    stop()
    deliver(3)

    assert (latest().status, outcome()) == ("aborted", "done")


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "TIMED_OUT"])
def test_a_stop_of_what_has_just_ended_came_too_late(
    aws: FakeAws, running: OrderExecution, status: str
) -> None:
    stop()
    aws.end(running.execution_arn, status)

    deliver()

    assert (latest().status, outcome()) == (status.lower(), "too_late")
    assert kinds(latest())[-1] == "order.stop_came_late"


def test_who_was_stopped_by_somebody_else_was_not_stopped_by_us(
    aws: FakeAws, running: OrderExecution
) -> None:
    stop()
    aws.abort(running.execution_arn, "Operator", "In the console.")

    deliver()

    assert (latest().status, outcome()) == ("aborted", "too_late")


def test_what_nobody_has_begun_to_start_never_starts(aws: FakeAws) -> None:
    fulfillment.start_order_fulfillment({"order_id": ID}, by=COMMAND_LINE)

    stop()
    deliver()

    assert (latest().status, latest().execution_arn) == ("aborted", "")
    assert aws.log.effects("ExecutionStarted") == []
    assert kinds(latest()) == ["order.accepted", "order.stopped"]


def test_a_stop_waits_for_a_start_that_may_be_under_way(aws: FakeAws) -> None:
    aws.plan("StartExecution", ["lost_before", "lost_after"])
    fulfillment.start_order_fulfillment({"order_id": ID}, by=COMMAND_LINE)
    deliver()

    stop()
    deliver(4)

    assert (latest().status, outcome()) == ("aborted", "done")
    assert len(aws.log.effects("ExecutionStarted")) == 1


def test_what_was_stopped_before_its_start_begins_anew(aws: FakeAws) -> None:
    fulfillment.start_order_fulfillment({"order_id": ID}, by=COMMAND_LINE)
    stop()

    restart()
    deliver()

    assert (latest().attempt, latest().status) == (2, "running")


def test_a_stopped_order_is_redriven(aws: FakeAws, running: OrderExecution) -> None:
    stop()
    deliver()
    restart()
    deliver()

    assert (latest().status, redrives(aws, running)) == ("running", 1)


# --- who may, and when not


@pytest.mark.parametrize("status", ["pending", "running", "succeeded", "refused"])
def test_there_is_nothing_to_restart_unless_it_ended_badly(status: str, db: None) -> None:
    order(status)

    with pytest.raises(OrderConflict) as refused:
        restart()
    assert refused.value.extra == {"order_id": ID, "order_status": status}


@pytest.mark.parametrize("status", ["succeeded", "failed", "timed_out", "aborted", "refused"])
def test_there_is_nothing_to_stop_once_it_has_ended(status: str, db: None) -> None:
    order(status)

    with pytest.raises(OrderConflict):
        stop()
    assert not OutboxEntry.objects.exists()


def test_one_hand_at_a_time(aws: FakeAws, failed: OrderExecution) -> None:
    restart()

    with pytest.raises(OrderConflict, match="being restarted"):
        restart()


def test_an_attempt_that_is_not_the_last_is_not_touched(
    aws: FakeAws, running: OrderExecution
) -> None:
    end(aws, running, error="OrderRejected")
    restart()

    with pytest.raises(OrderConflict, match="newer attempt"):
        restart(attempt=running.pk)


def test_only_orders_and_operators_lay_a_hand_on_an_order(
    aws: FakeAws, failed: OrderExecution, shop: User, carol: User
) -> None:
    people.grant_site(carol, "auditor", by=COMMAND_LINE)

    for verb in (interventions.restart, lambda pk, **who: interventions.stop(pk, "x", **who)):
        with pytest.raises(NotAllowed):
            verb(ID, by=actor(carol))
    interventions.restart(ID, by=actor(shop))
    assert OrderIntervention.objects.get().created_by == shop


@pytest.mark.parametrize("reason", ["", " \n", "x" * 1_001, "a\0b"])
def test_a_stop_needs_a_reason_that_can_be_kept(db: None, reason: str) -> None:
    order("running")

    with pytest.raises(Invalid) as refused:
        stop(reason)
    assert refused.value.extra == {"pointer": "/reason"}


def test_an_order_that_is_not_there_is_not_found(db: None) -> None:
    with pytest.raises(NotFound):
        restart()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", ["Lambda.Unknown", "OrderRejected"])
def test_sixteen_restarts_at_once_are_one(
    aws: FakeAws, running: OrderExecution, error: str
) -> None:
    end(aws, running, error=error)

    answers = at_once([restart] * 16)
    at_once([lambda: lanes.drain(OutboxEntry.Lane.EXECUTIONS)] * 4)
    deliver()

    losers = [answer for answer in answers if isinstance(answer, OrderConflict)]
    assert len(losers) == 15
    begun = [line["execution"] for line in aws.log.effects("ExecutionStarted")]
    anew = 1 if error == "OrderRejected" else 0
    assert (redrives(aws, running), len(begun)) == (1 - anew, 1 + anew)
    assert latest().status == "running"


@pytest.mark.django_db(transaction=True)
def test_of_a_restart_and_a_stop_at_once_one_is_refused(
    aws: FakeAws, failed: OrderExecution
) -> None:
    for _ in range(4):
        answers = at_once([restart, stop] * 4)
        deliver(2)

        assert sum(not isinstance(answer, OrderConflict) for answer in answers) == 1
        assert latest().status == "running"
        end(aws, failed, error="Lambda.Unknown")


def test_a_stop_and_a_restart_that_raced_a_pending_start_leave_one_execution(
    aws: FakeAws,
) -> None:
    fulfillment.start_order_fulfillment({"order_id": ID}, by=COMMAND_LINE)
    stop()
    restart()
    stop()
    deliver(2)

    assert aws.log.effects("ExecutionStarted") == []
    assert [row.status for row in OrderExecution.objects.all()] == ["aborted", "aborted"]


def order(status: str) -> OrderExecution:
    """A row in this state, made by hand."""
    return OrderExecution.objects.create(
        state_machine_arn="arn:aws:states:eu-west-1:123456789012:stateMachine:orders",
        order_id=ID,
        name="order-7",
        input=json.dumps({"order_id": ID}),
        input_sha256=b"x",
        status=status,
    )
