"""Reads what became of the orders of a batch execution, from its output or from its results in S3.

Its output is `{"settled": [item, ...], "held": [{"item", "error"}, ...], "started": [{"arn"}, ...]}`;
`started` has one element for each of `held`. A Distributed Map has one such output for each child, in
the files that its manifest names, whether the map itself succeeded or failed. Orders of an output that
cannot be read are released.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from approvals.actions import batch_executions, batches
from approvals.actions.batch_executions import Outcome
from approvals.exceptions import Invalid, Unavailable
from approvals.gateways import s3
from approvals.gateways.stepfunctions import Execution
from approvals.models import BatchExecution, OrderBatch, OrderExecution
from approvals.reconciliation import map_results
from approvals.records import database_time, failing_rows
from approvals.untrusted import json_stream
from approvals.untrusted.display import visible

log = structlog.get_logger(__name__)

# A function whose execution has ended runs on until its own timeout (75 s, deploy/template.yaml).
FUNCTIONS_OUTLIVE = timedelta(seconds=90)
UNKNOWN_SINCE = timedelta(minutes=10)  # DescribeExecution is eventually consistent
TASK = "refused batch executions"
Outcomes = list[Outcome]
NOTHING: Mapping[int, str] = {}
UNREADABLE = (
    Invalid,
    json_stream.Broken,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RecursionError,
)


def read_end(execution: Execution) -> bool:
    """Record what an ended execution's output holds of its orders; False if it cannot be read yet.

    Orders that the output does not name are released only when no Lambda function can still work on
    them. True, too, for an execution that is not a batch execution.
    """
    unread = BatchExecution.objects.filter(execution_arn=execution.arn, learned=False)
    batch_execution = unread.select_related("batch").first()
    if batch_execution is None:
        return True
    failed: dict[int, str] = {}
    try:
        failed = _read(batch_execution, execution)
    except (Unavailable, s3.NotAllowedHere) as error:  # released orders could not be taken back
        log.warning("batch.results_away", execution=batch_execution.name, error=error.message)
        problem = f"The results of {batch_execution.name}: {s3.explained(error)}"
        batches.note_problem(batch_execution.batch_id, problem)
        return False
    except UNREADABLE as error:
        _log_unreadable(batch_execution, error)
    ended_at = execution.stopped_at
    if (
        ended_at
        and database_time.now() < ended_at + FUNCTIONS_OUTLIVE
        and _has_unknown_orders(batch_execution)
    ):
        return False
    _close(batch_execution, execution.status, failed)
    return True


def end_unknown(arn: str) -> None:
    """Release the orders of a batch execution that Step Functions does not know any more."""
    since = database_time.now() - UNKNOWN_SINCE
    lost = BatchExecution.objects.filter(execution_arn=arn, learned=False, started_at__lt=since)
    for batch_execution in lost:
        log.warning("batch.execution_gone", execution=batch_execution.name)
        _close(batch_execution, BatchExecution.Status.ABORTED)


def has_open_orders(arn: str) -> bool:
    """Whether an execution is a batch execution whose output has not been read to its end."""
    return BatchExecution.objects.filter(execution_arn=arn, learned=False).exists()


def release_refused(*, limit: int) -> int:
    """Release the orders of batch executions that Step Functions refused; returns how many executions."""
    refused = BatchExecution.objects.filter(learned=False, status=BatchExecution.Status.REFUSED)
    able = refused.exclude(pk__in=failing_rows.paused(TASK)).order_by("pk")
    found = list(able.values_list("pk", flat=True)[:limit])
    for execution_id in found:
        failing_rows.attempt(TASK, execution_id, _release_refused)
    return len(found)


def _release_refused(execution_id: UUID) -> None:
    batch_execution = BatchExecution.objects.get(pk=execution_id)
    _close(batch_execution, batch_execution.status)


def _has_unknown_orders(batch_execution: BatchExecution) -> bool:
    """Whether it has orders of which nothing is known yet."""
    batched = OrderExecution.Status.BATCHED
    return OrderExecution.objects.filter(carried_by=batch_execution, status=batched).exists()


def _close(
    batch_execution: BatchExecution, status: str, failed: Mapping[int, str] = NOTHING
) -> None:
    while batch_executions.release(batch_execution.pk, failed):
        pass
    batch_executions.end(batch_execution.pk, status)
    if batch_execution.batch.problem:
        batches.note_problem(batch_execution.batch_id, "")


def _read(batch_execution: BatchExecution, execution: Execution) -> dict[int, str]:
    """Record the outcomes that are known; returns why children failed, by the number of each of their orders."""
    if batch_execution.batch.mode != OrderBatch.Mode.MAP:
        if execution.status == "succeeded":
            outcomes = _parsed(json.loads(execution.output))
            batch_executions.record_outcomes(batch_execution.pk, outcomes)
        return {}
    failed: dict[int, str] = {}
    for child in map_results.children(batch_execution, execution):
        try:
            if child.output:
                outcomes = _parsed(json.loads(child.output))
                batch_executions.record_outcomes(batch_execution.pk, outcomes)
            else:
                why = f"its child of the map failed: {visible(child.error)[:100]}"
                failed |= dict.fromkeys(_items(child.input), why)
        except UNREADABLE as error:  # of one child: the others are read all the same
            _log_unreadable(batch_execution, error)
    return failed


def _log_unreadable(batch_execution: BatchExecution, error: Exception) -> None:
    log.warning("batch.results_unreadable", execution=batch_execution.name, error=str(error)[:300])


def _items(text: str) -> list[int]:
    """The numbers of the orders in the input of a child, which ItemBatcher has made."""
    return [int(item["item"]) for item in json.loads(text)["Items"]]


def _parsed(output: Any) -> Outcomes:
    """The outcomes in one output. Raises ValueError, TypeError or KeyError for another shape."""
    settled = [Outcome(int(item)) for item in output["settled"]]
    held = zip(output["held"], output["started"], strict=True)
    started = [
        Outcome(int(one["item"]), str(start["arn"]), visible(str(one["error"]))[:100])
        for one, start in held
        if start.get("arn")
    ]
    return settled + started
