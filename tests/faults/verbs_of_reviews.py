"""Rows of the table: intake, decisions, delivery, orders, claims, and how a review ends without a decision."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from approvals.actions import assignment, decisions, discussion, lifecycle, orders
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.models import (
    Comment,
    OrderExecution,
    OutboxEntry,
    QuarantinedMessage,
    ReviewTask,
)
from approvals.models.choices import Outcome
from approvals.orchestration import fulfillment
from approvals.polling import poller
from approvals.reconciliation import executions
from approvals.records import idempotency
from tests.factories import actor
from tests.faults.row import Act, Case, Row, again, execute, recorded_once
from tests.faults.stage import AT_ONCE, Stage, due_now


def _ready_intake(stage: Stage) -> Case:
    if "intake" not in stage.queues:
        stage.more_queue("intake", sqs={"VisibilityTimeout": "0"})
    queue = stage.queues["intake"]
    (arn,) = stage.start(1, "intake")
    (body,) = stage.aws.bodies(queue.sqs_url)
    mark = stage.number()
    other = body[:-1] + f', "note": "{mark}"}}'
    poison = [f"{{broken {mark}", f'{{"orderId": "no token {mark}"}}']
    stage.aws.send(queue.sqs_url, [body, other, *poison])
    refused = [hashlib.sha256(text.encode()).digest() for text in [other, body, *poison]]
    return Case(queue=queue, arn=arn, refused_bodies=refused)


def _poll(_stage: Stage, case: Case) -> None:
    poller.poll_once(case.queue, wait_seconds=0)


def _poll_on(_stage: Stage, case: Case) -> None:
    while poller.poll_once(case.queue, wait_seconds=0):
        pass


def _taken_in(stage: Stage, case: Case) -> str:
    reviews = ReviewTask.objects.filter(execution_arn=case.arn).count()
    kept = QuarantinedMessage.objects.filter(raw_body_sha256__in=case.refused_bodies).count()
    left = stage.aws.queue_state(case.queue.sqs_url)["messages"]
    if (reviews, kept, left) != (1, 3, 0):
        return f"I-3 {reviews} reviews, {kept} of 3 quarantined, {left} messages left"
    return ""


# --- decide and undo


def _ready_review(stage: Stage) -> Case:
    return Case(review=stage.review())


def _ready_claimed(stage: Stage) -> Case:
    review = stage.review()
    assignment.claim(review.pk, by=actor(stage.ada))
    return Case(review=review)


def _decide(outcome: Outcome) -> Act:
    def act(stage: Stage, case: Case) -> None:
        decisions.decide(case.review.pk, outcome, by=actor(stage.ada, "api"), request=AT_ONCE)

    return act


def _then_deliver(act: Act) -> Act:
    def mend(stage: Stage, case: Case) -> None:
        again(act)(stage, case)
        stage.deliver(case.review)

    return mend


def _has_effect(stage: Stage, case: Case) -> str:
    case.review.refresh_from_db()
    winner = stage.aws.log.winner(stage.token_of(case.review))
    if winner != str(case.review.decision_id):
        return f"I-14 decided {case.review.decision_id}, effect {winner or 'none'}"
    return ""


def _under_receipt(stage: Stage, case: Case) -> None:
    decisions.decide(
        case.review.pk,
        Outcome.APPROVED,
        by=actor(stage.ada, "api"),
        request=AT_ONCE,
        key=_key(case),
    )


def _key(case: Case) -> idempotency.Key:
    return idempotency.Key(
        principal="faults",
        key=str(case.review.pk),
        request="POST",
        body_sha256=b"1" * 32,
        status=201,
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


# --- deliver


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


# --- orders


def _ready_order(fault: str = "", taken: bool = False) -> Callable[[Stage], Case]:
    def ready(stage: Stage) -> Case:
        order = {"order_id": f"ORD-{stage.number()}", "total": 12}
        if fault:
            stage.aws.plan("StartExecution", [fault])
        if taken:
            stage.aws.start(stage.orders, f"order-{order['order_id']}", {"other": "input"})
        return Case(order=order)

    return ready


def _start_order(_stage: Stage, case: Case) -> None:
    row, _ = fulfillment.start_order_fulfillment(case.order, by=COMMAND_LINE)
    lanes.deliver(OutboxEntry.objects.get(kind="start", subject=row.pk).pk)


def _start_again(stage: Stage, case: Case) -> None:
    row, _ = fulfillment.start_order_fulfillment(case.order, by=COMMAND_LINE)
    stage.settle(row.pk)


def _started_once(stage: Stage, case: Case) -> str:
    row = OrderExecution.objects.get(order_id=case.order["order_id"])
    started = [
        line
        for line in stage.aws.log.effects("ExecutionStarted")
        if line["execution"].endswith(f":{row.name}")
    ]
    if len(started) != 1 or row.status != "running":
        return f"I-15 started {len(started)} times, the order is {row.status}"
    return ""


def _refused(_stage: Stage, case: Case) -> str:
    row = OrderExecution.objects.get(order_id=case.order["order_id"])
    return "" if row.status == "refused" else f"I-15 a foreign execution, yet {row.status}"


def _ready_running(stage: Stage) -> Case:
    case = _ready_order()(stage)
    _start_again(stage, case)
    case.row = OrderExecution.objects.get(order_id=case.order["order_id"])
    return case


def _record_status(_stage: Stage, case: Case) -> None:
    orders.record_status(case.row.pk, "succeeded")


# --- claims and comments


def _with_claim(verb: Callable[..., Any], **options: Any) -> Act:
    def act(stage: Stage, case: Case) -> None:
        verb(case.review.pk, by=actor(stage.ada), **options)

    return act


def _claim_next(stage: Stage, case: Case) -> None:
    assignment.claim_next(ReviewTask.objects.filter(pk=case.review.pk), by=actor(stage.ada, "api"))


def _reassign(stage: Stage, case: Case) -> None:
    assignment.reassign(case.review.pk, stage.bob, by=actor(stage.lena))


def _comment(stage: Stage, case: Case) -> None:
    discussion.comment(case.review.pk, "Call them.", by=actor(stage.ada, "api"), key=_key(case))


def _commented_once(_stage: Stage, case: Case) -> str:
    said = Comment.objects.filter(review=case.review).count()
    return "" if said == 1 else f"I-8 said {said} times"


def _ready_over(stage: Stage) -> Case:
    case = _ready_claimed(stage)
    execute(
        "UPDATE approvals_reviewtask SET lease_expires_at = now() WHERE id = %s", case.review.pk
    )
    return case


def _end_lease(_stage: Stage, case: Case) -> None:
    assignment.end_lease(case.review.pk)


def _held_by(email: str) -> Callable[[Stage, Case], str]:
    def holds(_stage: Stage, case: Case) -> str:
        case.review.refresh_from_db()
        holder = case.review.assignee.email if case.review.assignee else ""
        return "" if holder == email else f"F11 held by {holder or 'nobody'}"

    return holds


# --- the life of a review without a decision

PROOF = {"fate": "by the campaign", "event": 1}


def _ready_closed(how: str) -> Callable[[Stage], Case]:
    def ready(stage: Stage) -> Case:
        review = stage.review()
        if how == "expired":
            stage.aws.expire(stage.token_of(review))
        else:
            stage.aws.answer(stage.token_of(review), output="{}")
        return Case(review=review)

    return ready


def _expire(_stage: Stage, case: Case) -> None:
    lifecycle.expire(case.review.pk, proof=PROOF)


def _orphan(_stage: Stage, case: Case) -> None:
    lifecycle.orphan(case.review.pk, proof=PROOF)


def _is(status: str) -> Callable[[Stage, Case], str]:
    def holds(_stage: Stage, case: Case) -> str:
        case.review.refresh_from_db()
        return "" if case.review.status == status else f"I-16 it is {case.review.status}"

    return holds


def _ready_replaced(stage: Stage) -> Case:
    due_now("false")
    case = _ready_claimed(stage)
    discussion.comment(case.review.pk, "Wait.", by=actor(stage.ada))
    stage.aws.retry(stage.token_of(case.review))
    stage.take_in()
    same = ReviewTask.objects.filter(execution_arn=case.review.execution_arn)
    case.newer = same.exclude(pk=case.review.pk).get()
    return case


def _supersede(_stage: Stage, case: Case) -> None:
    lifecycle.supersede(case.review.pk, case.newer.pk, proof=PROOF)


def _inquire(_stage: Stage, case: Case) -> None:
    execute(
        "UPDATE approvals_executionsnapshot SET due_at = now() WHERE execution_arn = %s",
        case.review.execution_arn,
    )
    executions.inquire(case.review.execution_arn)


def _inquire_on(stage: Stage, case: Case) -> None:
    due_now("false")  # our own allowance of histories is not what is tried here
    _inquire(stage, case)


def _moved_along(stage: Stage, case: Case) -> str:
    case.newer.refresh_from_db()
    moved = Comment.objects.filter(review=case.newer).count()
    if (moved, case.newer.assignee_id) != (1, stage.ada.pk):
        case.review.refresh_from_db()
        status = case.review.status
        return f"I-6 {status}: {moved} comments and {case.newer.assignee_id} moved along"
    return _is("superseded")(stage, case)


ROWS: list[Row] = [
    Row("intake", ("intake.accept",), _ready_intake, _poll, _poll_on, _taken_in),
    Row(
        "approve", ("decisions.decide",), _ready_review,
        act := _decide(Outcome.APPROVED), _then_deliver(act), _has_effect,
    ),
    Row(
        "reject", ("decisions.decide",), _ready_claimed,
        act := _decide(Outcome.REJECTED), _then_deliver(act), _has_effect,
    ),
    Row(
        "approve under a key", ("decisions.decide",), _ready_review,
        _under_receipt, _then_deliver(_under_receipt), _has_effect,
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
    Row(
        "start execution", ("orders.accept",), _ready_order(), _start_order, _start_again,
        _started_once,
    ),
    Row(
        "start, reply lost", ("orders.accept",), _ready_order("lost_after"), _start_order,
        _start_again, _started_once,
    ),
    Row(
        "start, refused", ("orders.accept",), _ready_order(taken=True), _start_order,
        _start_again, _refused,
    ),
    Row(
        "order ended", ("orders.record_status",), _ready_running, _record_status,
        holds=lambda _stage, case: recorded_once(f"order:{case.row.pk}", "order.succeeded"),
    ),
    Row(
        "claim", ("assignment.claim",), _ready_review, _with_claim(assignment.claim),
        holds=_held_by("ada@example.com"),
    ),
    Row(
        "next", ("assignment.claim_next",), _ready_review, _claim_next,
        holds=_held_by("ada@example.com"),
    ),
    Row(
        "renew", ("assignment.renew",), _ready_claimed, _with_claim(assignment.renew),
        holds=_held_by("ada@example.com"),
    ),
    Row(
        "release", ("assignment.release",), _ready_claimed, _with_claim(assignment.release),
        holds=_held_by(""),
    ),
    Row(
        "reassign", ("assignment.reassign",), _ready_claimed, _reassign,
        holds=_held_by("bob@example.com"),
    ),
    Row(
        "end lease", ("assignment.end_lease",), _ready_over, _end_lease,
        holds=_held_by(""),
    ),
    Row("comment", ("discussion.comment",), _ready_review, _comment, holds=_commented_once),
    Row("expire", ("lifecycle.expire",), _ready_closed("expired"), _expire, holds=_is("expired")),
    Row("orphan", ("lifecycle.orphan",), _ready_closed("answered"), _orphan, holds=_is("orphaned")),
    Row(
        "supersede", ("lifecycle.supersede",), _ready_replaced, _supersede, holds=_moved_along
    ),
    Row("inquire", (), _ready_replaced, _inquire, _inquire_on, _moved_along),
]  # fmt: skip
