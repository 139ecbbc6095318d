"""Reads what became of the orders of a batch execution, from its output or from its results in S3.

Its output is `{"settled": [item, ...], "held": [{"item", "error"}, ...], "started": [{"arn"}, ...]}`;
`started` has one element for each of `held`. A Distributed Map has one such output for each child, in
the files that its manifest names. Orders of an output that cannot be read are released.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from approvals import arns
from approvals.actions import batch_executions
from approvals.actions.batch_executions import Outcome
from approvals.exceptions import Invalid, Unavailable
from approvals.gateways import s3
from approvals.gateways.stepfunctions import Execution
from approvals.models import BatchExecution, OrderBatch, OrderExecution
from approvals.records import database_time, failing_rows
from approvals.untrusted import json_stream

log = structlog.get_logger(__name__)

# A function whose execution has ended runs on until its own timeout (75 s, deploy/template.yaml).
FUNCTIONS_OUTLIVE = timedelta(seconds=90)
UNKNOWN_SINCE = timedelta(minutes=10)  # DescribeExecution is eventually consistent
TASK = "refused batch executions"
LONGEST_RESULT = 4 * 1024 * 1024  # bytes of one child in a file: its input and its output, escaped
Outcomes = list[Outcome]
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
    try:
        for outcomes in _outcomes(batch_execution, execution):
            batch_executions.record_outcomes(batch_execution.pk, outcomes)
    except (Unavailable, s3.NotAllowedHere) as error:  # released orders could not be taken back
        log.warning("batch.results_away", execution=batch_execution.name, error=error.message)
        return False
    except UNREADABLE as error:
        log.warning(
            "batch.results_unreadable", execution=batch_execution.name, error=str(error)[:300]
        )
    ended_at = execution.stopped_at
    if (
        ended_at
        and database_time.now() < ended_at + FUNCTIONS_OUTLIVE
        and _has_unknown_orders(batch_execution)
    ):
        return False
    _close(batch_execution, execution.status)
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


def _close(batch_execution: BatchExecution, status: str) -> None:
    while batch_executions.release(batch_execution.pk):
        pass
    batch_executions.end(batch_execution.pk, status)


def _outcomes(batch_execution: BatchExecution, execution: Execution) -> Iterator[Outcomes]:
    """The outcomes in the output of the execution itself, or in that of each child of a map."""
    if execution.status != "succeeded":
        return
    output = json.loads(execution.output)
    if batch_execution.batch.mode != OrderBatch.Mode.MAP:
        yield _parsed(output)
        return
    place = arns.place_of(execution.arn)
    bucket, key = (str(output["ResultWriterDetails"][name]) for name in ("Bucket", "Key"))
    with s3.opened(place, bucket, key) as body:
        manifest = json.loads(body.read())
    for file in manifest["ResultFiles"]["SUCCEEDED"]:
        with s3.opened(place, str(manifest["DestinationBucket"]), str(file["Key"])) as body:
            for element in json_stream.elements(body, longest=LONGEST_RESULT):
                child = json.loads(element.text or b"{}")
                yield _parsed(json.loads(child["Output"]))


def _parsed(output: Any) -> Outcomes:
    """The outcomes in one output. Raises ValueError, TypeError or KeyError for another shape."""
    settled = [Outcome(int(item)) for item in output["settled"]]
    held = zip(output["held"], output["started"], strict=True)
    started = [
        Outcome(int(one["item"]), str(start["arn"]), str(one["error"])[:100])
        for one, start in held
        if start.get("arn")
    ]
    return settled + started
