"""Rows of the table: quarantine, what was parked, revocations and invitations, where these verbs are there."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Group

from approvals.actions import configuration, decisions, intake, quarantine
from approvals.models import (
    ApiToken,
    OutboxEntry,
    QuarantinedMessage,
    ReviewQueue,
    ReviewTask,
    User,
)
from tests import factories
from tests.faults.row import Act, Case, Row, again, told_once
from tests.faults.stage import AT_ONCE, Stage


def _there(module: str) -> Any:
    name = f"approvals.actions.{module}"
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


access, redelivery = _there("access"), _there("redelivery")


def _verb(module: Any, name: str) -> Callable[..., Any]:
    """A verb by name: rows of verbs that are not in the tree are never run."""
    return getattr(module, name, None) or (lambda *_, **__: None)


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
    accept = _verb(intake, "accept")
    accept(stage.queue, [arrival], origin=QuarantinedMessage.Origin.DEAD_LETTERS)
    return Case(row=QuarantinedMessage.objects.get(sqs_message_id=arrival.message_id))


def _on_message(verb: str, *more: Any) -> Act:
    def act(_stage: Stage, case: Case) -> None:
        _verb(quarantine, verb)(case.row.pk, *more, by=None, surface="command")

    return act


def _replayed(_stage: Stage, case: Case) -> str:
    case.row.refresh_from_db()
    made = ReviewTask.objects.filter(pk=case.row.replayed_as_id).count()
    if made != 1:
        return f"I-1 replayed, and {made} reviews"
    return told_once(f"quarantine:{case.row.pk}", "message.replayed")


def _discarded(_stage: Stage, case: Case) -> str:
    return told_once(f"quarantine:{case.row.pk}", "message.discarded")


# --- what was parked


def _ready_parked(stage: Stage) -> Case:
    review = stage.review()
    review = decisions.approve(review.pk, by=stage.ada, surface="api", ruling=AT_ONCE)
    entry = stage.entry_of(review)
    stage.aws.hide_history(review.execution_arn)
    stage.aws.plan("SendTask*", ["lost_after"], token=stage.token_of(review))
    stage.deliver(review)
    stage.aws.hide_history(review.execution_arn, hidden=False)
    if not stage.lena.groups.filter(name="operator").exists():
        configuration.grant_site(stage.lena, "operator", by=None)
    return Case(review=review, entry=entry.pk)


def _requeue(stage: Stage, case: Case) -> None:
    _verb(redelivery, "requeue")(case.entry, by=stage.lena, surface="admin")


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
            return Case(user=configuration.create_user(email, by=None))
        user = factories.user(email, role, stage.queue)
        if given.get("site"):
            configuration.grant_site(user, "auditor", by=None)
        if given.get("token"):
            configuration.issue_token(user, "ci", by=None)
        if given.get("shut"):
            _verb(access, "deactivate")(user, by=None)
        return Case(user=user)

    return ready


def _on_user(verb: str, *more: Any) -> Act:
    def act(_stage: Stage, case: Case) -> None:
        _verb(access, verb)(User.objects.get(pk=case.user.pk), *more, by=None)

    return act


def _told_of_user(kind: str) -> Callable[[Stage, Case], str]:
    return lambda _stage, case: told_once(f"user:{case.user.pk}", kind)


def _ready_group(_stage: Stage) -> Case:
    return Case(group=Group.objects.get(name="auditor"))


def _grant_group(_stage: Stage, case: Case) -> None:
    _verb(access, "grant_group")(case.group, "held", "viewer", by=None)


def _ready_secret(stage: Stage) -> Case:
    return Case(name=f"secret {stage.number()}")


def _issue_secret(_stage: Stage, case: Case) -> None:
    _verb(configuration, "issue_secret")(case.name, by=None)


def _ready_issued(stage: Stage) -> Case:
    case = _ready_secret(stage)
    _issue_secret(stage, case)
    models = importlib.import_module("approvals.models")
    case.row = models.WebhookSecret.objects.get(name=case.name)
    return case


def _revoke_secret(_stage: Stage, case: Case) -> None:
    _verb(configuration, "revoke_secret")(case.row.pk, by=None)


def _ask_check(stage: Stage, _case: Case) -> None:
    _verb(configuration, "ask_check")(stage.queue.pk, by=None)


def _token_ended(_stage: Stage, case: Case) -> str:
    left = ApiToken.objects.filter(user=case.user, revoked_at=None).count()
    return f"I-16 {left} tokens are left" if left else _told_of_user("token.revoked")(_stage, case)


def _queue_there(stage: Stage, _case: Case) -> str:
    return "" if ReviewQueue.objects.filter(pk=stage.queue.pk).exists() else "I-16 no queue"


ROWS: list[Row] = [
    Row("replay", ("quarantine.replay",), _ready_readable, _on_message("replay"), holds=_replayed),
    Row(
        "discard", ("quarantine.discard",), _ready_quarantined, _on_message("discard", "Known."),
        holds=_discarded,
    ),
    Row("reveal", ("quarantine.reveal",), _ready_quarantined, _on_message("reveal")),
    Row(
        "requeue", ("redelivery.requeue",), _ready_parked, _requeue, _then_deliver, _delivered
    ),
    Row("grant to a group", ("access.grant_group",), _ready_group, _grant_group),
    Row(
        "revoke", ("access.revoke",), _ready_person(role=True), _on_user("revoke", "held"),
        holds=_told_of_user("role.revoked"),
    ),
    Row(
        "revoke site", ("access.revoke_site",), _ready_person(site=True),
        _on_user("revoke_site", "auditor"), holds=_told_of_user("site_right.revoked"),
    ),
    Row(
        "revoke token", ("access.revoke_token",), _ready_person(token=True),
        _on_user("revoke_token", "ci"), holds=_token_ended,
    ),
    Row(
        "deactivate", ("access.deactivate",), _ready_person(token=True), _on_user("deactivate"),
        holds=_told_of_user("user.deactivated"),
    ),
    Row(
        "reactivate", ("access.reactivate",), _ready_person(shut=True), _on_user("reactivate"),
        holds=_told_of_user("user.reactivated"),
    ),
    Row("invite", ("access.invite",), _ready_person(blank=True), _on_user("invite")),
    Row("issue secret", ("configuration.issue_secret",), _ready_secret, _issue_secret),
    Row("revoke secret", ("configuration.revoke_secret",), _ready_issued, _revoke_secret),
    Row(
        "ask check", ("configuration.ask_check",), lambda _stage: Case(), _ask_check,
        holds=_queue_there,
    ),
]  # fmt: skip
