"""Rows of the table: quarantine, parked entries, roles and rights, credentials, and checks of queues."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Group

from approvals.actions import (
    credentials,
    decisions,
    intake,
    people,
    quarantine,
    queues,
    redelivery,
)
from approvals.actors import COMMAND_LINE
from approvals.models import (
    ApiToken,
    AuditEvent,
    ConnectionCheck,
    OutboxEntry,
    QuarantinedMessage,
    ReviewQueue,
    ReviewTask,
    User,
    WebhookSecret,
)
from approvals.models.choices import Outcome
from tests import factories
from tests.factories import actor
from tests.faults.row import Act, Case, Row, again, recorded_once
from tests.faults.stage import AT_ONCE, Stage

# --- quarantine


def _ready_quarantined(stage: Stage) -> Case:
    """A message that was refused as a conflict, of a token that is open, whose review is not there."""
    body = factories.message()
    arrival = factories.received(body)
    intake.accept(stage.queue, [arrival])
    other = factories.received({**body, "note": f"again {stage.number()}"})
    intake.accept(stage.queue, [other])
    row = QuarantinedMessage.objects.get(sqs_message_id=other.message_id)
    return Case(row=row)


def _ready_readable(stage: Stage) -> Case:
    """A dead letter that can be read: `replay` makes it a review."""
    arrival = factories.received()
    intake.accept(stage.queue, [arrival], origin=QuarantinedMessage.Origin.DEAD_LETTERS)
    return Case(row=QuarantinedMessage.objects.get(sqs_message_id=arrival.message_id))


def _on_message(verb: Callable[..., object], *more: Any) -> Act:
    def act(_stage: Stage, case: Case) -> None:
        verb(case.row.pk, *more, by=COMMAND_LINE)

    return act


def _replayed(_stage: Stage, case: Case) -> str:
    case.row.refresh_from_db()
    made = ReviewTask.objects.filter(pk=case.row.replayed_as_id).count()
    if made != 1:
        return f"I-1 replayed, and {made} reviews"
    return recorded_once(f"quarantine:{case.row.pk}", "message.replayed")


def _discarded(_stage: Stage, case: Case) -> str:
    return recorded_once(f"quarantine:{case.row.pk}", "message.discarded")


def _ready_pointer(stage: Stage) -> Case:
    """A pointer to S3 that intake has refused, and whose bucket the queue allows now."""
    members = {"s3BucketName": "big", "s3Key": str(stage.number())}
    arrival = factories.received(["software.amazon.payloadoffloading.PayloadS3Pointer", members])
    intake.accept(stage.queue, [arrival])
    queues.save(stage.queue.slug, {"pointer_buckets": ["big"]}, by=COMMAND_LINE)
    return Case(row=QuarantinedMessage.objects.get(sqs_message_id=arrival.message_id))


def _ready_asked(stage: Stage) -> Case:
    case = _ready_pointer(stage)
    quarantine.replay(case.row.pk, by=COMMAND_LINE)
    return case


def _refuse_replay(_stage: Stage, case: Case) -> None:
    quarantine.refuse_replay(case.row.pk, "It is missing.")


def _recorded_of_message(kind: str) -> Callable[[Stage, Case], str]:
    return lambda _stage, case: recorded_once(f"quarantine:{case.row.pk}", kind)


# --- what was parked


def _ready_parked(stage: Stage) -> Case:
    review = stage.review()
    review = decisions.decide(
        review.pk, Outcome.APPROVED, by=actor(stage.ada, "api"), request=AT_ONCE
    )
    entry = stage.entry_of(review)
    stage.aws.hide_history(review.execution_arn)
    stage.aws.plan("SendTask*", ["lost_after"], token=stage.token_of(review))
    stage.deliver(review)
    stage.aws.hide_history(review.execution_arn, hidden=False)
    if not stage.lena.groups.filter(name="operator").exists():
        people.grant_site(stage.lena, "operator", by=COMMAND_LINE)
    return Case(review=review, entry=entry.pk)


def _requeue(stage: Stage, case: Case) -> None:
    redelivery.requeue(case.entry, by=actor(stage.lena, "admin"))


def _then_deliver(stage: Stage, case: Case) -> None:
    again(_requeue)(stage, case)
    stage.deliver(case.review)


def _delivered(_stage: Stage, case: Case) -> str:
    state = OutboxEntry.objects.get(pk=case.entry).delivery
    return "" if state.state == "delivered" else f"I-9 it ended as {state}"


# --- people, rights, secrets


def _ready_person(**given: Any) -> Callable[[Stage], Case]:
    def ready(stage: Stage) -> Case:
        email = f"d{stage.number()}@example.com"
        role = "viewer" if given.get("role") else None
        if given.get("blank"):
            return Case(user=people.create(email, by=COMMAND_LINE))
        user = factories.user(email, role, stage.queue)
        if given.get("site"):
            people.grant_site(user, "auditor", by=COMMAND_LINE)
        if given.get("token"):
            credentials.issue_token(user, "ci", by=COMMAND_LINE)
        if given.get("shut"):
            people.deactivate(user, by=COMMAND_LINE)
        return Case(user=user)

    return ready


def _on_user(verb: Callable[..., object], *more: Any) -> Act:
    def act(_stage: Stage, case: Case) -> None:
        verb(User.objects.get(pk=case.user.pk), *more, by=COMMAND_LINE)

    return act


def _recorded_of_user(kind: str) -> Callable[[Stage, Case], str]:
    return lambda _stage, case: recorded_once(f"user:{case.user.pk}", kind)


def _ready_group(_stage: Stage) -> Case:
    return Case(group=Group.objects.get(name="auditor"))


def _grant_group(_stage: Stage, case: Case) -> None:
    people.grant_group(case.group, "held", "viewer", by=COMMAND_LINE)


def _ready_secret(stage: Stage) -> Case:
    return Case(name=f"secret {stage.number()}")


def _issue_secret(_stage: Stage, case: Case) -> None:
    credentials.issue_secret(case.name, by=COMMAND_LINE)


def _ready_issued(stage: Stage) -> Case:
    case = _ready_secret(stage)
    _issue_secret(stage, case)
    case.row = WebhookSecret.objects.get(name=case.name)
    return case


def _revoke_secret(_stage: Stage, case: Case) -> None:
    credentials.revoke_secret(case.row.pk, by=COMMAND_LINE)


def _ask_check(stage: Stage, _case: Case) -> None:
    queues.ask_check(stage.queue.pk, by=COMMAND_LINE)


def _ready_buckets(stage: Stage) -> Case:
    return Case(bucket=f"bucket-{stage.number()}")


def _set_buckets(stage: Stage, case: Case) -> None:
    queues.set_messages(stage.queue.slug, {"pointer_buckets": [case.bucket]}, by=COMMAND_LINE)


def _buckets_set(stage: Stage, case: Case) -> str:
    queue = ReviewQueue.objects.get(pk=stage.queue.pk)
    if queue.pointer_buckets != [case.bucket]:
        return f"I-16 the buckets are {queue.pointer_buckets}"
    events = AuditEvent.objects.filter(chain=f"queue:{queue.pk}", kind="queue.changed")
    told = sum(
        case.bucket in json.dumps(event.data["pointer_buckets"][1])
        for event in events
        if "pointer_buckets" in event.data
    )
    return "" if told == 1 else f"I-16 the change was recorded {told} times"


def _ready_operator(stage: Stage) -> Case:
    user = factories.user(f"operator{stage.number()}@example.com")
    people.grant_site(user, "operator", by=COMMAND_LINE)
    return Case(user=user)


def _ask_unsaved_check(_stage: Stage, case: Case) -> None:
    queues.ask_unsaved_check({"slug": "new", "sqs_url": "x"}, by=actor(case.user))


def _unsaved_check_asked(_stage: Stage, case: Case) -> str:
    made = ConnectionCheck.objects.filter(asked_by=case.user).count()
    return "" if made == 1 else f"I-16 {made} checks"


def _token_ended(_stage: Stage, case: Case) -> str:
    left = ApiToken.objects.filter(user=case.user, revoked_at=None).count()
    return (
        f"I-16 {left} tokens are left" if left else _recorded_of_user("token.revoked")(_stage, case)
    )


def _queue_there(stage: Stage, _case: Case) -> str:
    return "" if ReviewQueue.objects.filter(pk=stage.queue.pk).exists() else "I-16 no queue"


ROWS: list[Row] = [
    Row("replay", ("quarantine.replay",), _ready_readable, _on_message(quarantine.replay), holds=_replayed),
    Row(
        "ask replay", ("quarantine.replay",), _ready_pointer, _on_message(quarantine.replay),
        holds=_recorded_of_message("message.replay_asked"),
    ),
    Row(
        "refuse replay", ("quarantine.refuse_replay",), _ready_asked, _refuse_replay,
        holds=_recorded_of_message("message.replay_refused"),
    ),
    Row(
        "discard", ("quarantine.discard",), _ready_quarantined, _on_message(quarantine.discard, "Known."),
        holds=_discarded,
    ),
    Row("reveal", ("quarantine.reveal",), _ready_quarantined, _on_message(quarantine.reveal)),
    Row(
        "requeue", ("redelivery.requeue",), _ready_parked, _requeue, _then_deliver, _delivered
    ),
    Row("grant to a group", ("people.grant_group",), _ready_group, _grant_group),
    Row(
        "revoke", ("people.revoke",), _ready_person(role=True), _on_user(people.revoke, "held"),
        holds=_recorded_of_user("role.revoked"),
    ),
    Row(
        "revoke site", ("people.revoke_site",), _ready_person(site=True),
        _on_user(people.revoke_site, "auditor"), holds=_recorded_of_user("site_right.revoked"),
    ),
    Row(
        "revoke token", ("credentials.revoke_token",), _ready_person(token=True),
        _on_user(credentials.revoke_token, "ci"), holds=_token_ended,
    ),
    Row(
        "deactivate", ("people.deactivate",), _ready_person(token=True), _on_user(people.deactivate),
        holds=_recorded_of_user("user.deactivated"),
    ),
    Row(
        "reactivate", ("people.reactivate",), _ready_person(shut=True), _on_user(people.reactivate),
        holds=_recorded_of_user("user.reactivated"),
    ),
    Row("invite", ("people.invite",), _ready_person(blank=True), _on_user(people.invite)),
    Row("issue secret", ("credentials.issue_secret",), _ready_secret, _issue_secret),
    Row("revoke secret", ("credentials.revoke_secret",), _ready_issued, _revoke_secret),
    Row(
        "set messages", ("queues.set_messages",), _ready_buckets, _set_buckets, holds=_buckets_set,
    ),
    Row(
        "ask check", ("queues.ask_check",), lambda _stage: Case(), _ask_check,
        holds=_queue_there,
    ),
    Row(
        "ask unsaved check", ("queues.ask_unsaved_check",), _ready_operator, _ask_unsaved_check,
        holds=_unsaved_check_asked,
    ),
]  # fmt: skip
