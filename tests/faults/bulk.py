"""Bulk decisions of which a worker dies and three others take the rest from each other, and undos meanwhile."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from unittest import mock
from uuid import UUID

from approvals import bulk
from approvals.actions import bulk_decisions
from approvals.actions.bulk_decisions import BulkRequest, Wanted
from approvals.exceptions import UndoClosed
from approvals.models import AuditEvent, BulkItem, BulkJob, Decision
from approvals.models.choices import Outcome
from approvals.records.bulk_jobs import Result
from tests.factories import actor
from tests.faults.report import Result as CampaignResult
from tests.faults.stage import Stage
from tests.faults.truth import Breach
from tests.races import at_once

JOBS, REVIEWS, WORKERS = 40, 6, 3
State = BulkItem.State
WITH_A_DECISION = {State.DECIDED, State.UNDONE}


def campaign(stage: Stage, scale: float) -> CampaignResult:
    """40 bulk decisions at scale 1, every second one undone while three workers take it from each other."""
    count = max(4, round(JOBS * scale))
    result = CampaignResult("bulk", planned=count)
    for number in range(count):
        job, undone = _begun(stage, undo_seconds=3_600 * (number % 2)), bool(number % 2)
        _died(stage, job)
        calls = [partial(_worked, job.pk) for _ in range(WORKERS)]
        if undone:
            pause = stage.rng.uniform(0, 0.15)
            calls.append(partial(_undone, stage, job.pk, pause))
        at_once(calls)
        bulk.run(job.pk)  # an undo may have come when the last worker had gone
        result.fired += 1
        result.breaches += _results(job, undone=undone)
        for item in job.items.select_related("review"):
            if item.state == State.DECIDED:
                stage.deliver(item.review)
    result.breaches += stage.judge()
    return result


def _begun(stage: Stage, *, undo_seconds: int) -> BulkJob:
    wish = BulkRequest(outcome=Outcome.APPROVED, reason="Seen.", undo_seconds=undo_seconds)
    wanted = [Wanted(row.pk) for row in stage.reviews(REVIEWS)]
    return bulk_decisions.begin(wanted, wish, by=actor(stage.ada, "api"))


class _Death(Exception):
    """A worker ends here."""


def _died(stage: Stage, job: BulkJob) -> None:
    """A worker begins, and dies when it has decided a review and not yet recorded that."""
    record, survived = bulk_decisions.record, stage.rng.randrange(REVIEWS - 1)

    def until_then(item: BulkItem, result: Result) -> bool:
        if item.number > survived:
            raise _Death
        return record(item, result)

    with mock.patch.object(bulk_decisions, "record", until_then), suppress(_Death):
        bulk.run(job.pk)


def _worked(job_id: UUID) -> None:
    """Work on it until it has ended, and take it from whoever has it: their lease has run out."""
    while BulkJob.objects.exclude(status="finished").filter(pk=job_id).exists():
        BulkJob.objects.filter(pk=job_id).update(lease_until=None)
        bulk.run(job_id)


def _undone(stage: Stage, job_id: UUID, pause: float) -> None:
    time.sleep(pause)
    try:
        bulk_decisions.undo(job_id, by=actor(stage.ada, "api"))
    except UndoClosed:
        return


def _results(job: BulkJob, *, undone: bool) -> Iterator[Breach]:
    """Breaches between the results, the decisions and the events of the reviews."""
    job.refresh_from_db()
    if job.status != BulkJob.Status.FINISHED:
        yield Breach("I-11", f"bulk decision {job.pk} is {job.status} after all its workers")
    made: dict[str, list[str]] = defaultdict(list)
    for chain, data in AuditEvent.objects.filter(
        kind="review.approved", data__bulk=str(job.pk)
    ).values_list("chain", "data"):
        made[chain].append(data["decision"])
    live = set(Decision.objects.filter(undone_at=None).values_list("pk", flat=True))
    for item in job.items.all():
        mine = made[f"review:{item.review_id}"]
        wanted = [str(item.decision)] if item.state in WITH_A_DECISION else []
        about = str(item.review_id)
        if mine != wanted:
            what = f"review {about} is {item.state} with {wanted}, and was decided: {mine}"
            yield Breach("I-18", what, about=about)
        if (item.decision in live) != (item.state == State.DECIDED):
            yield Breach(
                "I-18", f"review {about} is {item.state}; its decision is not", about=about
            )
        expected = {State.UNDONE, State.CANCELLED} if undone else {State.DECIDED}
        if item.state not in expected:
            yield Breach("I-18", f"review {about} is {item.state}: {item.code}", about=about)
