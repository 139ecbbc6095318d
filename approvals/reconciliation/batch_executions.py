"""What an execution that carried many orders came to: read from its output, or from its results in S3.

Its output is `{"settled": [item, ...], "held": [{"item", "error"}, ...], "started": [{"arn"}, ...]}`;
`started` stands beside `held`, one for one. A Distributed Map has one such output for each child, in
the files that its manifest names. What cannot be read tells nothing, and then the orders are released.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import structlog

from approvals import arns
from approvals.actions import batch_executions
from approvals.actions.batch_executions import Outcome
from approvals.exceptions import Invalid, Unavailable
from approvals.gateways import s3
from approvals.gateways.stepfunctions import Execution
from approvals.models import BatchExecution, OrderBatch, OrderExecution
from approvals.records import database_time
from approvals.untrusted import json_stream

log = structlog.get_logger(__name__)

# A function whose execution has ended runs on until its own timeout (75 s, deploy/template.yaml).
FUNCTIONS_OUTLIVE = timedelta(seconds=90)
UNKNOWN_SINCE = timedelta(minutes=10)  # DescribeExecution is eventually consistent
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
    """Record what an ended execution tells of the orders it carried; False where that cannot be read yet.

    Orders of which it tells nothing are released only when no function of it can be at them any more.
    Of an execution that carried none, nothing is to be read: True.
    """
    unread = BatchExecution.objects.filter(execution_arn=execution.arn, learned=False)
    carrier = unread.select_related("batch").first()
    if carrier is None:
        return True
    try:
        for outcomes in _outcomes(carrier, execution):
            batch_executions.learn(carrier.pk, outcomes)
    except (Unavailable, s3.NotAllowedHere) as error:  # released orders could not be taken back
        log.warning("batch.results_away", execution=carrier.name, error=error.message)
        return False
    except UNREADABLE as error:
        log.warning("batch.results_unreadable", execution=carrier.name, error=str(error)[:300])
    ended_at = execution.stopped_at
    if ended_at and database_time.now() < ended_at + FUNCTIONS_OUTLIVE and _is_untold(carrier):
        return False
    _close(carrier, execution.status)
    return True


def give_up(arn: str) -> None:
    """Release what an execution carried that Step Functions does not know any more."""
    since = database_time.now() - UNKNOWN_SINCE
    lost = BatchExecution.objects.filter(execution_arn=arn, learned=False, started_at__lt=since)
    for carrier in lost:
        log.warning("batch.execution_gone", execution=carrier.name)
        _close(carrier, BatchExecution.Status.ABORTED)


def carries(arn: str) -> bool:
    """Whether an execution carries orders of which it has yet to tell."""
    return BatchExecution.objects.filter(execution_arn=arn, learned=False).exists()


def release_refused(*, limit: int) -> int:
    """Give the orders of executions that Step Functions would not take one each; returns of how many."""
    refused = BatchExecution.objects.filter(learned=False, status=BatchExecution.Status.REFUSED)
    found = list(refused.order_by("pk")[:limit])
    for carrier in found:
        _close(carrier, carrier.status)
    return len(found)


def _is_untold(carrier: BatchExecution) -> bool:
    """Whether there are orders of it of which nothing is known yet."""
    batched = OrderExecution.Status.BATCHED
    return OrderExecution.objects.filter(carried_by=carrier, status=batched).exists()


def _close(carrier: BatchExecution, status: str) -> None:
    while batch_executions.release(carrier.pk):
        pass
    batch_executions.end(carrier.pk, status)


def _outcomes(carrier: BatchExecution, execution: Execution) -> Iterator[Outcomes]:
    """What each child, or the execution itself, tells of its orders."""
    if execution.status != "succeeded":
        return
    output = json.loads(execution.output)
    if carrier.batch.mode != OrderBatch.Mode.MAP:
        yield _told(output)
        return
    place = arns.place_of(execution.arn)
    bucket, key = (str(output["ResultWriterDetails"][name]) for name in ("Bucket", "Key"))
    with s3.opened(place, bucket, key) as body:
        manifest = json.loads(body.read())
    for file in manifest["ResultFiles"]["SUCCEEDED"]:
        with s3.opened(place, str(manifest["DestinationBucket"]), str(file["Key"])) as body:
            for element in json_stream.elements(body, longest=LONGEST_RESULT):
                child = json.loads(element.text or b"{}")
                yield _told(json.loads(child["Output"]))


def _told(output: Any) -> Outcomes:
    """What one output says. Raises ValueError, TypeError or KeyError for what says nothing."""
    settled = [Outcome(int(item)) for item in output["settled"]]
    held = zip(output["held"], output["started"], strict=True)
    started = [
        Outcome(int(one["item"]), str(start["arn"]), str(one["error"])[:100])
        for one, start in held
        if start.get("arn")
    ]
    return settled + started
