"""Rows of the table: bulk decisions, begun, worked on, tried again and undone."""

from __future__ import annotations

from collections.abc import Callable

from approvals import bulk
from approvals.actions import bulk_decisions, decisions, exports
from approvals.actions.bulk_decisions import BulkRequest, Wanted
from approvals.actions.decisions import DecisionRequest
from approvals.models import AuditEvent, BulkItem, BulkJob, Decision, ReviewTask
from approvals.models.choices import Outcome
from approvals.records import locked_rows
from tests.factories import actor
from tests.faults.row import Case, Row, again, execute, recorded_once, request_key
from tests.faults.stage import Stage

REVIEWS = 2
FINISHED = BulkJob.Status.FINISHED


def _ready_reviews(stage: Stage) -> Case:
    rows = stage.reviews(REVIEWS)
    return Case(rows=rows, review=rows[0], job=None)


def _begin(stage: Stage, case: Case, *, undo_seconds: int = 0, keyed: bool = True) -> BulkJob:
    wish = BulkRequest(outcome=Outcome.APPROVED, reason="Seen.", undo_seconds=undo_seconds)
    wanted = [Wanted(row.pk) for row in case.rows]
    key = request_key(case) if keyed else None
    return bulk_decisions.begin(wanted, wish, by=actor(stage.ada, "api"), key=key)


def _begun_once(_stage: Stage, case: Case) -> str:
    mine = BulkItem.objects.filter(review__in=case.rows)
    jobs = set(mine.values_list("job", flat=True))
    if len(jobs) != 1 or mine.count() != REVIEWS:
        return f"I-16 {len(jobs)} bulk decisions with {mine.count()} of {REVIEWS} reviews"
    return recorded_once(f"bulk:{jobs.pop()}", "bulk.begun")


def _ready(undo_seconds: int = 0) -> Callable[[Stage], Case]:
    """A bulk decision on which no worker has worked."""

    def ready(stage: Stage) -> Case:
        case = _ready_reviews(stage)
        case.job = _begin(stage, case, undo_seconds=undo_seconds, keyed=False)
        return case

    return ready


def _run(_stage: Stage, case: Case) -> None:
    bulk.run(case.job.pk)


def _run_on(stage: Stage, case: Case) -> None:
    """Another worker, once the lease of the dead one is over."""
    execute("UPDATE approvals_bulkjob SET lease_until = now() WHERE id = %s", case.job.pk)
    bulk.run(case.job.pk)
    for row in case.rows:
        stage.deliver(row)


def _decided_once(_stage: Stage, case: Case) -> str:
    case.job.refresh_from_db()
    states = list(case.job.items.values_list("state", flat=True))
    if case.job.status != FINISHED or states != [BulkItem.State.DECIDED] * REVIEWS:
        return f"I-11 a bulk decision is {case.job.status}, its reviews are {states}"
    for item in case.job.items.all():
        made = list(Decision.objects.filter(review=item.review_id).values_list("pk", flat=True))
        if made != [item.decision]:
            return f"I-5 review {item.review_id} has the decisions {made}, not {item.decision}"
    return recorded_once(f"bulk:{case.job.pk}", "bulk.finished")


def _ready_failed(stage: Stage) -> Case:
    """One of whose reviews the service could not decide."""
    case = _ready()(stage)
    case.job.items.update(state=BulkItem.State.FAILED, code="error")
    execute(
        "UPDATE approvals_bulkjob SET status = 'finished', ended_at = now() WHERE id = %s",
        case.job.pk,
    )
    return case


def _retry(stage: Stage, case: Case) -> None:
    bulk_decisions.retry(case.job.pk, by=actor(stage.ada, "api"))


def _retry_and_run(stage: Stage, case: Case) -> None:
    again(_retry)(stage, case)
    _run_on(stage, case)


def _ready_half(stage: Stage) -> Case:
    """One of whose reviews is decided, and the other is not."""
    case = _ready(3_600)(stage)
    last = case.job.items.latest("number")
    BulkItem.objects.filter(pk=last.pk).update(state=BulkItem.State.FAILED)
    bulk.run(case.job.pk)
    execute(
        "UPDATE approvals_bulkjob SET status = 'running', ended_at = NULL WHERE id = %s",
        case.job.pk,
    )
    BulkItem.objects.filter(pk=last.pk).update(state=BulkItem.State.PENDING)
    return case


def _undo(stage: Stage, case: Case) -> None:
    bulk_decisions.undo(case.job.pk, by=actor(stage.ada, "api"))
    bulk.run(case.job.pk)


def _undo_on(stage: Stage, case: Case) -> None:
    again(lambda at, one: bulk_decisions.undo(one.job.pk, by=actor(at.ada, "api")))(stage, case)
    _run_on(stage, case)


def _nothing_decided(_stage: Stage, case: Case) -> str:
    case.job.refresh_from_db()
    states = sorted(case.job.items.values_list("state", flat=True))
    if case.job.status != FINISHED or states != ["cancelled", "undone"]:
        return f"I-11 a bulk decision is {case.job.status}, its reviews are {states}"
    pending = ReviewTask.objects.filter(pk__in=[row.pk for row in case.rows], status="pending")
    events = AuditEvent.objects.filter(chain=f"review:{case.rows[0].pk}", kind="decision.undone")
    if pending.count() != REVIEWS or events.count() != 1:
        return f"I-14 {pending.count()} of {REVIEWS} reviews are pending after an undo"
    return ""


def _preview(stage: Stage, case: Case) -> None:
    for facts in locked_rows.facts_of(case.rows, by=actor(stage.ada)):
        decisions.refusal(facts, DecisionRequest())


def _export(stage: Stage, case: Case) -> None:
    exports.record_bulk_export(case.job.pk, by=actor(stage.ada))


def _exported(stage: Stage, case: Case) -> str:
    events = AuditEvent.objects.filter(kind="bulk.exported", data__bulk=str(case.job.pk))
    return "" if events.exists() else "I-16 bulk.exported was not recorded"


ROWS: list[Row] = [
    Row("begin bulk", ("bulk_decisions.begin",), _ready_reviews, _begin, holds=_begun_once),
    Row(
        "run bulk",
        ("bulk_decisions.take", "bulk_decisions.renew", "bulk_decisions.give_back",
         "bulk_decisions.record", "bulk_decisions.finish"),
        _ready(), _run, recover=_run_on, holds=_decided_once,
    ),
    Row(
        "retry bulk", ("bulk_decisions.retry",), _ready_failed, _retry, recover=_retry_and_run,
        holds=_decided_once,
    ),
    Row(
        "undo bulk",
        ("bulk_decisions.undo", "bulk_decisions.undoable", "bulk_decisions.cancel"),
        _ready_half, _undo, recover=_undo_on, holds=_nothing_decided,
    ),
    Row("export bulk", ("exports.record_bulk_export",), _ready(), _export, holds=_exported),
    Row("preview bulk", ("decisions.refusal",), _ready_reviews, _preview),
]  # fmt: skip
