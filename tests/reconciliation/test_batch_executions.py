"""What became of the orders of a batch execution is read from its output; those it does not name are released."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import Settings

from approvals import arns
from approvals.actions import batches as verbs
from approvals.delivery import lanes
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.gateways.stepfunctions import Execution
from approvals.models import AuditEvent, BatchExecution, ExecutionSnapshot
from approvals.reconciliation import executions
from approvals.reconciliation.batch_executions import read_end, release_refused
from approvals.records import audit, audit_verification
from tests.order_batches import accepted, ended, mapped, order, output, read, sums
from tests.order_executions import ask_now
from tests.starts import MACHINE, Starts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starts")]


def test_what_an_execution_reports_is_each_orders_end_and_the_rest_gets_its_own(
    starts: Starts,
) -> None:
    batch = read(accepted([order(n) for n in range(1, 6)], "batches"))
    lanes.drain("executions")
    execution = BatchExecution.objects.get()
    arn = arns.execution_arn(MACHINE, "order-A-3")

    assert ended(execution, output([1, 2], _3=arn, _4=""))  # nothing is known of the fifth
    assert sums(batch) == {"read": 5, "settled": 2, "executions": 1, "under_way": 2}
    assert not verbs.finish(batch.pk)
    lanes.drain("executions")

    assert verbs.finish(batch.pk)
    assert sums(batch) == {"read": 5, "settled": 2, "executions": 3}
    assert {name for _, name, _ in starts.started[1:]} == {"order-A-4", "order-A-5"}
    assert batch.orders.get(order_id="A-3").execution_arn == arn
    for row in batch.orders.all():
        assert audit_verification.verify(audit.chain_of("order", row.pk)) == []
    kinds = AuditEvent.objects.filter(kind__in=["order.settled", "order.released"])
    assert kinds.count() == 4


@pytest.mark.parametrize(
    ("status", "text"),
    [("failed", ""), ("timed_out", ""), ("succeeded", "no JSON"), ("succeeded", '{"settled": 1}')],
)
def test_an_execution_that_reports_nothing_gives_every_order_its_own(
    starts: Starts, status: str, text: str
) -> None:
    batch = read(accepted([order(1), order(2)], "batches"))
    lanes.drain("executions")

    assert ended(BatchExecution.objects.get(), text, status)
    lanes.drain("executions")

    assert verbs.finish(batch.pk)
    assert sums(batch) == {"read": 2, "executions": 2}


def test_what_step_functions_refuses_to_carry_is_started_one_by_one(starts: Starts) -> None:
    batch = read(accepted([order(1), order(2)], "batches"))
    starts.answers = [Answer(Proof.REFUSED, "InvalidExecutionInput")]
    lanes.drain("executions")
    starts.answers = [Answer(Proof.ACCEPTED)]

    assert release_refused(limit=9) == 1
    lanes.drain("executions")

    assert verbs.finish(batch.pk)
    assert sums(batch) == {"read": 2, "executions": 2}


def test_orders_are_not_released_while_a_function_may_still_be_at_them(starts: Starts) -> None:
    batch = read(accepted([order(1), order(2)], "batches"))
    lanes.drain("executions")
    execution = BatchExecution.objects.get()
    now = timezone.now()
    failed = Execution(execution.execution_arn, "failed", b"", stopped_at=now)

    assert not read_end(failed)
    assert sums(batch) == {"read": 2, "under_way": 2}
    assert read_end(replace(failed, stopped_at=now - timedelta(minutes=2)))
    lanes.drain("executions")
    assert sums(batch) == {"read": 2, "executions": 2}


def test_orders_of_an_execution_that_aws_does_not_know_any_more_are_released(
    starts: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = read(accepted([order(1)], "batches"))
    lanes.drain("executions")
    execution = BatchExecution.objects.get()
    gone = (Answer(Proof.REFUSED, "ExecutionDoesNotExist"), None)
    monkeypatch.setattr(stepfunctions, "describe_execution", lambda *_: gone)

    ask_now(execution.execution_arn)
    assert sums(batch) == {"read": 1, "under_way": 1}  # DescribeExecution may lag

    BatchExecution.objects.update(started_at=F("started_at") - timedelta(hours=1))
    ask_now(execution.execution_arn)
    lanes.drain("executions")
    assert sums(batch) == {"read": 1, "executions": 1}


def test_an_execution_that_aws_does_not_know_yet_is_asked_about_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read(accepted([order(1)], "batches"))
    lanes.drain("executions")
    unknown = Answer(Proof.AMBIGUOUS, "ExecutionDoesNotExist")
    monkeypatch.setattr(stepfunctions, "describe_execution", lambda *_: (unknown, None))
    arn = BatchExecution.objects.get().execution_arn
    ExecutionSnapshot.objects.update(due_at=Now())

    executions.inquire(arn)

    assert ExecutionSnapshot.objects.get(execution_arn=arn).due_at is not None


MAP_OUTPUT = '{"ResultWriterDetails": {"Bucket": "b", "Key": "r/manifest.json"}}'
MANIFEST = json.dumps(
    {
        "DestinationBucket": "b",
        "ResultFiles": {
            "SUCCEEDED": [{"Key": "r/SUCCEEDED_0.json"}, {"Key": "r/SUCCEEDED_1.json"}],
            "FAILED": [{"Key": "r/FAILED_0.json"}],
        },
    }
).encode()


def test_what_the_children_of_a_map_report_is_read_from_its_result_files(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    files = {"r/manifest.json": MANIFEST}
    batch = mapped(monkeypatch, settings, files)
    execution, arn = BatchExecution.objects.get(), arns.execution_arn(MACHINE, "order-A-3")
    files["r/SUCCEEDED_0.json"] = json.dumps([{"Output": output([1]), "Input": "[{}]"}]).encode()
    assert not ended(execution, MAP_OUTPUT)  # the second file is away: asked again
    files["r/FAILED_0.json"] = b"[]"
    files["r/SUCCEEDED_1.json"] = json.dumps([{"Output": output([2], _3=arn)}]).encode()

    assert ended(execution, MAP_OUTPUT)

    totals = {"read": 6, "settled": 2, "executions": 1, "under_way": 2, "refused": 1}
    assert sums(batch) == totals
    lanes.drain("executions")
    assert verbs.finish(batch.pk)
    assert batch.orders.exclude(status="settled").exclude(execution_arn="").count() == 3
