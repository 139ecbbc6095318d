"""After a backup was restored: what AWS knows and the database no longer does, found and listed.

SQS has forgotten the messages of the lost minutes; the executions have not. A token that is still
open is taken in again from its TaskScheduled event; a token that was answered is named, with the
decision that answered it, because that decision is lost here and stands there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from approvals.actions import ingest
from approvals.exceptions import Unavailable
from approvals.gateways import stepfunctions
from approvals.gateways.aws import Place
from approvals.models import Decision, ReviewQueue, ReviewTask
from approvals.reconciliation.evidence import Fate, Task, Unread, tasks_of


@dataclass(frozen=True)
class Found:
    """One thing that differs: `taken_in` again, or `lost` with the decision that AWS holds, or `unread`."""

    what: str
    execution_arn: str
    reference: str = ""
    decision_id: str = ""
    fate: str = ""


def recover(queue: ReviewQueue, machine_arn: str, since: datetime) -> Iterator[Found]:
    """Go through the executions of a state machine that were started since then, the newest first.

    Raises Unavailable where the executions cannot be listed.
    """
    place = Place(stepfunctions.region_of(machine_arn), queue.role_arn)
    for arn in _started_since(place, machine_arn, since):
        try:
            for task in tasks_of(place, arn):
                yield from _compared(queue, arn, task)
        except Unread as unread:
            yield Found("unread", arn, fate=str(unread.evidence.fate))


def _started_since(place: Place, machine_arn: str, since: datetime) -> Iterator[str]:
    cursor = None
    while True:
        answer, page = stepfunctions.list_executions(place, machine_arn, cursor)
        if page is None:
            raise Unavailable(f"The executions of {machine_arn} cannot be listed: {answer.code}.")
        for arn, started_at in page.executions:
            if started_at < since:
                return
            yield arn
        if page.older is None:
            return
        cursor = page.older


def _compared(queue: ReviewQueue, arn: str, task: Task) -> Iterator[Found]:
    mark = task.fingerprint
    if mark is None:
        return
    reference, evidence = str(task.message.get("orderId", ""))[:256], task.evidence
    known = ReviewTask.objects.filter(token_fingerprint=mark).first()
    if known is None and evidence.fate == Fate.OPEN:
        body = json.dumps(task.message, separators=(",", ":"), ensure_ascii=False)
        ingest.accept(queue, [ingest.Received(body, task.message_id, task.sent_at)])
        yield Found("taken_in", arn, reference)
    elif evidence.decision_id and not Decision.objects.filter(pk=evidence.decision_id).exists():
        yield Found("lost", arn, reference, evidence.decision_id, str(evidence.fate))
