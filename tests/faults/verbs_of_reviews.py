"""Rows of the table: intake, claims, comments, and how a review ends without a decision."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from approvals.actions import (
    assignment,
    discussion,
    escalation,
    lifecycle,
    postponement,
    preferences,
)
from approvals.models import Comment, Mention, Preference, QuarantinedMessage, ReviewTask, Skip
from approvals.polling import poller
from approvals.reconciliation import executions
from tests import factories
from tests.factories import actor
from tests.faults.row import (
    Act,
    Case,
    Row,
    execute,
    ready_claimed,
    ready_review,
    recorded_once,
    request_key,
)
from tests.faults.stage import Stage, due_now


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
    discussion.comment(
        case.review.pk, "Call them.", by=actor(stage.ada, "api"), key=request_key(case)
    )


def _snooze(stage: Stage, case: Case) -> None:
    until = case.review.deadline_at - timedelta(minutes=10)
    postponement.snooze(case.review.pk, until, by=actor(stage.ada))


def _escalate(stage: Stage, case: Case) -> None:
    escalation.escalate(case.review.pk, "Above my limit.", by=actor(stage.ada))


def _prefer(stage: Stage, _case: Case) -> None:
    preferences.save(shortcuts=False, auto_advance=True, by=actor(stage.ada))


def _preferred(stage: Stage, _case: Case) -> str:
    count = Preference.objects.filter(user=stage.ada, shortcuts=False).count()
    return "" if count == 1 else f"I-16 {count} rows of preferences"


def _skipped_once(stage: Stage, case: Case) -> str:
    count = Skip.objects.filter(review=case.review, user=stage.ada).count()
    return _held_by("")(stage, case) if count == 1 else f"I-16 skipped by {count} rows"


def _snoozed(stage: Stage, case: Case) -> str:
    case.review.refresh_from_db()
    return _held_by("")(stage, case) if case.review.snoozed_until else "I-16 it is not snoozed"


def _escalated(stage: Stage, case: Case) -> str:
    case.review.refresh_from_db()
    if case.review.escalated_to_id != case.review.queue_id:
        return "I-16 it is not escalated"
    return _held_by("")(stage, case) or recorded_once(
        f"review:{case.review.pk}", "review.escalated"
    )


def _ready_mention(stage: Stage) -> Case:
    review = stage.review()
    writer = factories.user(f"p{stage.number()}@example.com", "reviewer", review.queue)
    discussion.comment(review.pk, f"@{stage.ada.email}: look.", by=actor(writer))
    return Case(review=review, mention=Mention.objects.get(comment__review=review))


def _dismiss(stage: Stage, case: Case) -> None:
    discussion.dismiss(case.mention.pk, by=actor(stage.ada))


def _dismissed_once(_stage: Stage, case: Case) -> str:
    case.mention.refresh_from_db()
    if case.mention.dismissed_at is None:
        return "I-16 it is not dismissed"
    return recorded_once(f"review:{case.review.pk}", "review.mention_dismissed")


def _commented_once(_stage: Stage, case: Case) -> str:
    count = Comment.objects.filter(review=case.review).count()
    return "" if count == 1 else f"I-8 commented {count} times"


def _ready_over(stage: Stage) -> Case:
    case = ready_claimed(stage)
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


def _ready_unprovable(stage: Stage) -> Case:
    case = ready_claimed(stage)
    execute(
        "UPDATE approvals_reviewtask SET execution_arn = '', deadline_source = 'message',"
        " deadline_at = now() WHERE id = %s",
        case.review.pk,
    )
    return case


def _mark_unproved(_stage: Stage, case: Case) -> None:
    lifecycle.mark_unproved(case.review.pk)


def _ready_unproved(stage: Stage) -> Case:
    case = _ready_unprovable(stage)
    lifecycle.mark_unproved(case.review.pk)
    return case


def _close_unproved(stage: Stage, case: Case) -> None:
    reason = "Nobody answered in time."
    lifecycle.close_unproved(
        case.review.pk, reason, by=actor(stage.lena, "api"), key=request_key(case)
    )


def _is(status: str) -> Callable[[Stage, Case], str]:
    def holds(_stage: Stage, case: Case) -> str:
        case.review.refresh_from_db()
        return "" if case.review.status == status else f"I-16 it is {case.review.status}"

    return holds


def _ready_replaced(stage: Stage) -> Case:
    due_now("false")
    case = ready_claimed(stage)
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
        "claim", ("assignment.claim",), ready_review, _with_claim(assignment.claim),
        holds=_held_by("ada@example.com"),
    ),
    Row(
        "next", ("assignment.claim_next",), ready_review, _claim_next,
        holds=_held_by("ada@example.com"),
    ),
    Row(
        "renew", ("assignment.renew",), ready_claimed, _with_claim(assignment.renew),
        holds=_held_by("ada@example.com"),
    ),
    Row(
        "release", ("assignment.release",), ready_claimed, _with_claim(assignment.release),
        holds=_held_by(""),
    ),
    Row(
        "reassign", ("assignment.reassign",), ready_claimed, _reassign,
        holds=_held_by("bob@example.com"),
    ),
    Row(
        "end lease", ("assignment.end_lease",), _ready_over, _end_lease,
        holds=_held_by(""),
    ),
    Row(
        "skip", ("postponement.skip",), ready_claimed, _with_claim(postponement.skip),
        holds=_skipped_once,
    ),
    Row(
        "preferences", ("preferences.save",), ready_review, _prefer,
        holds=_preferred,
    ),
    Row("snooze", ("postponement.snooze", "postponement.latest"), ready_claimed, _snooze, holds=_snoozed),
    Row(
        "escalate", ("escalation.escalate", "escalation.destination"), ready_claimed, _escalate,
        holds=_escalated,
    ),
    Row("comment", ("discussion.comment",), ready_review, _comment, holds=_commented_once),
    Row(
        "dismiss a mention", ("discussion.dismiss",), _ready_mention, _dismiss,
        holds=_dismissed_once,
    ),
    Row("expire", ("lifecycle.expire",), _ready_closed("expired"), _expire, holds=_is("expired")),
    Row(
        "mark unproved", ("lifecycle.mark_unproved",), _ready_unprovable, _mark_unproved,
        holds=_is("unproved"),
    ),
    Row(
        "close unproved", ("lifecycle.close_unproved",), _ready_unproved, _close_unproved,
        holds=_is("expired"),
    ),
    Row("orphan", ("lifecycle.orphan",), _ready_closed("answered"), _orphan, holds=_is("orphaned")),
    Row(
        "supersede", ("lifecycle.supersede",), _ready_replaced, _supersede, holds=_moved_along
    ),
    Row("inquire", (), _ready_replaced, _inquire, _inquire_on, _moved_along),
]  # fmt: skip
