"""Rows of the table: decisions, taken back ones too, and their delivery to AWS."""

from __future__ import annotations

from collections.abc import Callable

from approvals.actions import decisions
from approvals.delivery import lanes
from approvals.models import OutboxEntry
from approvals.models.choices import Outcome
from tests.factories import actor
from tests.faults.row import (
    Act,
    Case,
    Row,
    again,
    execute,
    ready_claimed,
    ready_review,
    request_key,
)
from tests.faults.stage import AT_ONCE, Stage, due_now


def _decide(outcome: Outcome) -> Act:
    def act(stage: Stage, case: Case) -> None:
        decisions.decide(case.review.pk, outcome, by=actor(stage.ada, "api"), request=AT_ONCE)

    return act


def _then_deliver(act: Act) -> Act:
    def recover(stage: Stage, case: Case) -> None:
        again(act)(stage, case)
        stage.deliver(case.review)

    return recover


def _has_effect(stage: Stage, case: Case) -> str:
    case.review.refresh_from_db()
    winner = stage.aws.log.winner(stage.token_of(case.review))
    if winner != str(case.review.decision_id):
        return f"I-14 decided {case.review.decision_id}, effect {winner or 'none'}"
    return ""


def _under_key(stage: Stage, case: Case) -> None:
    decisions.decide(
        case.review.pk,
        Outcome.APPROVED,
        by=actor(stage.ada, "api"),
        request=AT_ONCE,
        key=request_key(case),
    )


def _ready_undo(stage: Stage) -> Case:
    review = stage.review()
    ruling = decisions.DecisionRequest(undo_seconds=3600)
    review = decisions.decide(review.pk, Outcome.APPROVED, by=actor(stage.ada), request=ruling)
    return Case(review=review, undone=review.decision_id)


def _undo(stage: Stage, case: Case) -> None:
    decisions.undo(case.undone, by=actor(stage.ada))


def _undo_then_reject(stage: Stage, case: Case) -> None:
    again(_undo)(stage, case)
    decisions.decide(case.review.pk, Outcome.REJECTED, by=actor(stage.ada), request=AT_ONCE)
    stage.deliver(case.review)


def _ready_deadline(stage: Stage) -> Case:
    if "late" not in stage.queues:
        stage.more_queue("late", at_deadline="reject")
    review = stage.review("late")
    execute(
        "UPDATE approvals_reviewtask SET deadline_at = now() + interval '40 seconds',"
        " sent_at = now() - interval '1 hour' WHERE id = %s",
        review.pk,
    )
    return Case(review=review)


def _decide_at_deadline(_stage: Stage, case: Case) -> None:
    decisions.decide_at_deadline(case.review.pk)


def _ready_entry(fault: str = "", before: str = "") -> Callable[[Stage], Case]:
    def ready(stage: Stage) -> Case:
        review = stage.review()
        review = decisions.decide(
            review.pk, Outcome.APPROVED, by=actor(stage.ada, "api"), request=AT_ONCE
        )
        token = stage.token_of(review)
        if fault:
            stage.aws.plan("SendTask*", [fault], token=token)
        if before == "expire":
            stage.aws.expire(token)
        elif before == "answer":
            stage.aws.answer(token, output='{"by": "somebody else"}')
        return Case(review=review, entry=stage.entry_of(review).pk, detail="")

    return ready


def _deliver(stage: Stage, case: Case) -> None:
    """An attempt, and where its answer proved nothing a second one, which asks the history."""
    lanes.deliver(case.entry)
    if OutboxEntry.objects.filter(pk=case.entry, state="waiting").exists():
        due_now("id = %s", [case.entry])
        lanes.deliver(case.entry)


def _sweep_on(stage: Stage, case: Case) -> None:
    stage.deliver(case.review)


def _ended_as(state: str, *details: str) -> Callable[[Stage, Case], str]:
    def holds(stage: Stage, case: Case) -> str:
        delivery = stage.entry_of(case.review).delivery
        if delivery.state != state or (details and delivery.detail not in details):
            return f"I-9 it ended as {delivery}"
        return ""

    return holds


ROWS: list[Row] = [
    Row(
        "approve", ("decisions.decide",), ready_review,
        act := _decide(Outcome.APPROVED), _then_deliver(act), _has_effect,
    ),
    Row(
        "reject", ("decisions.decide",), ready_claimed,
        act := _decide(Outcome.REJECTED), _then_deliver(act), _has_effect,
    ),
    Row(
        "approve under a key", ("decisions.decide",), ready_review,
        _under_key, _then_deliver(_under_key), _has_effect,
    ),
    Row("undo", ("decisions.undo",), _ready_undo, _undo, _undo_then_reject, _has_effect),
    Row(
        "decide at deadline", ("decisions.decide_at_deadline",), _ready_deadline,
        _decide_at_deadline, _then_deliver(_decide_at_deadline), _has_effect,
    ),
    Row("deliver", (), _ready_entry(), _deliver, _sweep_on, _ended_as("delivered")),
    Row(
        "deliver, reply lost", (), _ready_entry("lost_after"), _deliver, _sweep_on,
        _ended_as("delivered"),
    ),
    Row(
        "deliver, lost before", (), _ready_entry("lost_before"), _deliver, _sweep_on,
        _ended_as("delivered"),
    ),
    Row(
        "deliver, throttled", (), _ready_entry("throttled"), _deliver, _sweep_on,
        _ended_as("delivered"),
    ),
    Row(
        "deliver, expired", (), _ready_entry(before="expire"), _deliver, _sweep_on,
        _ended_as("closed_elsewhere", "expired"),
    ),
    Row(
        "deliver, other party", (), _ready_entry(before="answer"), _deliver, _sweep_on,
        _ended_as("closed_elsewhere", "other_party"),
    ),
]  # fmt: skip
