"""What Step Functions reports of an execution is recorded at its order, late, early, or never."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from approvals import arns
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import ExecutionSnapshot, OrderExecution
from tests.fake_aws import FakeAws
from tests.order_executions import ask_now, deliver, end, latest, restart

pytestmark = pytest.mark.django_db


def test_how_an_execution_ended_is_known_to_the_order(failed_order: OrderExecution) -> None:
    assert (failed_order.status, failed_order.error, failed_order.cause) == (
        "failed",
        "Lambda.Unknown",
        "No answer.",
    )
    assert failed_order.ended_at is not None


def test_a_description_from_before_a_redrive_changes_nothing(
    aws: FakeAws, failed_order: OrderExecution, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, arn = arns.place_of(failed_order.execution_arn), failed_order.execution_arn
    before = stepfunctions.describe_execution(place, arn)
    restart()
    deliver()

    with monkeypatch.context() as lagging:
        lagging.setattr(stepfunctions, "describe_execution", lambda *_: before)
        ask_now(failed_order.execution_arn)

    assert latest().status == "running"
    assert ExecutionSnapshot.objects.get(pk=arn).due_at is not None  # it is asked about again
    end(aws, latest(), "SUCCEEDED")
    assert latest().status == "succeeded"


def test_an_order_of_an_execution_that_aws_does_not_know_any_more_has_ended(
    aws: FakeAws, running_order: OrderExecution, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = (Answer(Proof.REFUSED, "ExecutionDoesNotExist"), None)
    monkeypatch.setattr(stepfunctions, "describe_execution", lambda *_: gone)

    ask_now(running_order.execution_arn)
    assert latest().status == "running"  # DescribeExecution may lag

    OrderExecution.objects.update(started_at=F("started_at") - timedelta(hours=1))
    ask_now(running_order.execution_arn)
    assert (latest().status, latest().error) == ("aborted", "ExecutionDoesNotExist")


def test_what_a_late_description_shows_of_an_end_is_kept(
    aws: FakeAws, failed_order: OrderExecution
) -> None:
    OrderExecution.objects.update(ended_at=None, error="", cause="")

    ask_now(failed_order.execution_arn)

    assert (latest().error, latest().ended_at) == ("Lambda.Unknown", failed_order.ended_at)
