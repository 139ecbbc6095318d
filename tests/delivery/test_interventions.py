"""Redrives and stops are sent: done once, whatever becomes of the answers of Step Functions."""

from __future__ import annotations

import pytest

from approvals.actors import COMMAND_LINE
from approvals.models import OrderExecution
from approvals.orchestration import fulfillment
from tests.fake_aws import FakeAws
from tests.order_executions import (
    ID,
    deliver,
    end,
    entry_state,
    kinds,
    latest,
    outcome,
    redrives,
    restart,
    stop,
)

pytestmark = pytest.mark.django_db


def test_a_failed_order_is_redriven_under_its_arn(
    aws: FakeAws, failed_order: OrderExecution
) -> None:
    assert restart() == failed_order
    deliver()

    order = latest()
    assert (order, order.status, order.ended_at, order.error) == (failed_order, "running", None, "")
    assert (redrives(aws, order), outcome()) == (1, "done")
    assert entry_state("redrive") == ("settled", "acknowledged")
    assert kinds(order)[-4:] == [
        "order.failed", "order.restart_asked", "order.running", "order.redriven",
    ]  # fmt: skip


def test_an_order_is_redriven_as_often_as_it_fails(
    aws: FakeAws, failed_order: OrderExecution
) -> None:
    for count in (1, 2, 3):
        restart()
        deliver()
        assert redrives(aws, failed_order) == count
        end(aws, failed_order, error="Lambda.Unknown")
        assert latest().status == "failed"


@pytest.mark.parametrize("fault", ["lost_after", "lost_before", "server_error_after_apply"])
def test_a_redrive_whose_answer_is_lost_is_one_redrive(
    aws: FakeAws, failed_order: OrderExecution, fault: str
) -> None:
    aws.plan("RedriveExecution", [fault])

    restart()
    deliver(3)

    assert (redrives(aws, failed_order), outcome(), latest().status) == (1, "done", "running")
    assert not aws.unfired()


def test_a_redrive_that_failed_again_before_its_answer_was_looked_for_is_not_repeated(
    aws: FakeAws, failed_order: OrderExecution
) -> None:
    aws.plan("RedriveExecution", ["lost_after"])
    restart()
    deliver()
    aws.end(failed_order.execution_arn, "FAILED", error="Lambda.Unknown")
    aws.advance(1_000)  # AWS has forgotten the client token

    deliver(2)

    assert (redrives(aws, failed_order), outcome(), latest().status) == (1, "done", "failed")


def test_what_another_party_redrove_to_success_is_left_alone(
    aws: FakeAws, failed_order: OrderExecution
) -> None:
    restart()
    aws.redrive(failed_order.execution_arn)
    aws.end(failed_order.execution_arn)

    deliver()

    assert (redrives(aws, failed_order), latest().status) == (1, "succeeded")


def test_what_aws_will_not_redrive_begins_anew(aws: FakeAws, failed_order: OrderExecution) -> None:
    aws.advance(15 * 86_400)

    restart()
    deliver(2)

    assert (latest().name, latest().status, outcome()) == ("order-7-r2", "running", "new_attempt")
    assert kinds(failed_order)[-2:] == ["order.not_redrivable", "order.restarted"]
    assert entry_state("redrive") == ("settled", "not_redrivable")


def test_what_aws_has_forgotten_begins_anew(aws: FakeAws, failed_order: OrderExecution) -> None:
    aws.forget(failed_order.execution_arn)

    restart()
    deliver(2)

    assert (latest().attempt, latest().status) == (2, "running")


def test_an_order_is_stopped_with_a_reason(aws: FakeAws, running_order: OrderExecution) -> None:
    stop()
    deliver()

    order, found = latest(), aws.execution(running_order.execution_arn)
    assert (order.status, outcome(), entry_state("stop")) == (
        "aborted", "done", ("settled", "acknowledged"),
    )  # fmt: skip
    assert found["error"] == "OrderStopped"
    assert found["cause"].startswith("Stopped by system: The customer cancelled. [stop ")
    assert kinds(order)[-3:] == ["order.stop_asked", "order.aborted", "order.stopped"]


@pytest.mark.parametrize("fault", ["lost_after", "lost_before", "throttled"])
def test_a_stop_whose_answer_is_lost_is_repeated(
    aws: FakeAws, running_order: OrderExecution, fault: str
) -> None:
    aws.plan("StopExecution", [fault])

    stop()
    deliver(3)

    assert (latest().status, outcome()) == ("aborted", "done")


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "TIMED_OUT"])
def test_a_stop_of_what_has_just_ended_came_too_late(
    aws: FakeAws, running_order: OrderExecution, status: str
) -> None:
    stop()
    aws.end(running_order.execution_arn, status)

    deliver()

    assert (latest().status, outcome()) == (status.lower(), "too_late")
    assert kinds(latest())[-1] == "order.stop_came_late"


def test_what_was_stopped_by_somebody_else_was_not_stopped_by_us(
    aws: FakeAws, running_order: OrderExecution
) -> None:
    stop()
    aws.abort(running_order.execution_arn, "Operator", "In the console.")

    deliver()

    assert (latest().status, outcome()) == ("aborted", "too_late")


def test_a_stop_waits_for_a_start_that_may_be_under_way(aws: FakeAws, order_workflow: str) -> None:
    aws.plan("StartExecution", ["lost_before", "lost_after"])
    fulfillment.start_order_fulfillment({"order_id": ID}, by=COMMAND_LINE)
    deliver()

    stop()
    deliver(4)

    assert (latest().status, outcome()) == ("aborted", "done")
    assert len(aws.log.effects("ExecutionStarted")) == 1


def test_a_stopped_order_is_redriven(aws: FakeAws, running_order: OrderExecution) -> None:
    stop()
    deliver()
    restart()
    deliver()

    assert (latest().status, redrives(aws, running_order)) == ("running", 1)
