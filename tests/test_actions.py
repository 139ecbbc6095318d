"""Every verb that takes an actor: without the right it refuses and records nothing, and None is a type error."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group

from approvals.actions import (
    assignment,
    batches,
    bulk_decisions,
    credentials,
    decisions,
    discussion,
    escalation,
    exports,
    intake,
    interventions,
    lifecycle,
    orders,
    people,
    postponement,
    quarantine,
    queues,
    redelivery,
    saved_views,
)
from approvals.actions.bulk_decisions import BulkRequest, Wanted
from approvals.actors import COMMAND_LINE
from approvals.exceptions import NotAllowed, NotFound
from approvals.models import (
    AuditEvent,
    Decision,
    Mention,
    OrderBatch,
    OutboxEntry,
    QuarantinedMessage,
    ReviewQueue,
    ReviewTask,
    User,
    WebhookSecret,
)
from approvals.models.choices import Outcome
from tests import factories
from tests.bulk import begun
from tests.factories import actor
from tests.faults.verbs import public_verbs

pytestmark = pytest.mark.django_db

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:orders"


class Subjects:
    """A row of each kind that verbs act on, made by those who may."""

    def __init__(self, queue: ReviewQueue, lena: User) -> None:
        self.queue, self.lena = queue, lena
        self.person = factories.user("person@example.com", "viewer", queue)
        self.review = factories.review(queue)
        decided = decisions.decide(factories.review(queue).pk, Outcome.APPROVED, by=actor(lena))
        self.decision: Decision = decided.decision
        self.entry = OutboxEntry.objects.get(subject=self.decision.pk)
        intake.accept(queue, [factories.received({"no": "token"})])
        self.message = QuarantinedMessage.objects.get()
        self.order, _ = orders.accept(
            {"order_id": "A-1"}, state_machine_arn=MACHINE, by=COMMAND_LINE
        )
        self.batch = OrderBatch(state_machine_arn=MACHINE, mode="executions", source="api")
        credentials.issue_secret("erp", by=COMMAND_LINE)
        self.secret = WebhookSecret.objects.get()
        discussion.comment(self.review.pk, f"@{self.person.email}", by=actor(lena))
        self.mention = Mention.objects.get()
        self.job = begun([self.review], lena)
        self.view = saved_views.keep(queue.slug, "Mine", "q=x", by=actor(lena))
        self.shared = saved_views.share(queue.slug, "Ours", "q=x", by=actor(lena))
        self.group = Group.objects.get(name="auditor")


CALLS: dict[str, Callable[[Subjects, Any], object]] = {
    "assignment.claim": lambda s, by: assignment.claim(s.review.pk, by=by),
    "assignment.renew": lambda s, by: assignment.renew(s.review.pk, by=by),
    "assignment.release": lambda s, by: assignment.release(s.review.pk, by=by),
    "assignment.reassign": lambda s, by: assignment.reassign(s.review.pk, s.lena, by=by),
    "batches.accept": lambda s, by: batches.accept(s.batch, by=by),
    "batches.resume": lambda s, by: batches.resume(_stored(s.batch).pk, on_bad_row="skip", by=by),
    "bulk_decisions.begin": lambda s, by: bulk_decisions.begin(
        [Wanted(s.review.pk)], BulkRequest(outcome=Outcome.APPROVED), by=by
    ),
    "bulk_decisions.retry": lambda s, by: bulk_decisions.retry(s.job.pk, by=by),
    "bulk_decisions.undo": lambda s, by: bulk_decisions.undo(s.job.pk, by=by),
    "credentials.issue_secret": lambda s, by: credentials.issue_secret("crm", by=by),
    "credentials.issue_token": lambda s, by: credentials.issue_token(s.person, "ci", by=by),
    "credentials.revoke_secret": lambda s, by: credentials.revoke_secret(s.secret.pk, by=by),
    "credentials.revoke_token": lambda s, by: credentials.revoke_token(s.person, "ci", by=by),
    "decisions.decide": lambda s, by: decisions.decide(s.review.pk, Outcome.APPROVED, by=by),
    "decisions.undo": lambda s, by: decisions.undo(s.decision.pk, by=by),
    "discussion.comment": lambda s, by: discussion.comment(s.review.pk, "Why?", by=by),
    "discussion.dismiss": lambda s, by: discussion.dismiss(s.mention.pk, by=by),
    "exports.record_trail_export": lambda _, by: exports.record_trail_export("csv", {}, by=by),
    "exports.record_review_export": lambda s, by: exports.record_review_export(
        s.review.queue, {}, by=by
    ),
    "exports.record_order_export": lambda _, by: exports.record_order_export("orders", {}, by=by),
    "exports.record_bulk_export": lambda s, by: exports.record_bulk_export(s.job.pk, by=by),
    "lifecycle.close_unproved": lambda s, by: lifecycle.close_unproved(s.review.pk, "Old.", by=by),
    "escalation.escalate": lambda s, by: escalation.escalate(s.review.pk, "Limit.", by=by),
    "postponement.skip": lambda s, by: postponement.skip(s.review.pk, by=by),
    "postponement.snooze": lambda s, by: postponement.snooze(s.review.pk, None, by=by),
    "quarantine.discard": lambda s, by: quarantine.discard(s.message.pk, "Known.", by=by),
    "quarantine.replay": lambda s, by: quarantine.replay(s.message.pk, by=by),
    "quarantine.reveal": lambda s, by: quarantine.reveal(s.message.pk, by=by),
    "interventions.restart": lambda s, by: interventions.restart("A-1", by=by),
    "interventions.stop": lambda s, by: interventions.stop("A-1", "Not wanted.", by=by),
    "orders.accept": lambda s, by: orders.accept(
        {"order_id": "A-2"}, state_machine_arn=MACHINE, by=by
    ),
    "people.create": lambda s, by: people.create("new@example.com", by=by),
    "people.deactivate": lambda s, by: people.deactivate(s.person, by=by),
    "people.grant": lambda s, by: people.grant(s.person, s.queue.slug, "lead", by=by),
    "people.grant_group": lambda s, by: people.grant_group(s.group, s.queue.slug, "lead", by=by),
    "people.grant_site": lambda s, by: people.grant_site(s.person, "operator", by=by),
    "people.invite": lambda s, by: people.invite(s.person, by=by),
    "people.reactivate": lambda s, by: people.reactivate(s.person, by=by),
    "people.revoke": lambda s, by: people.revoke(s.person, s.queue.slug, by=by),
    "people.revoke_site": lambda s, by: people.revoke_site(s.person, "auditor", by=by),
    "queues.ask_check": lambda s, by: queues.ask_check(s.queue.pk, by=by),
    "queues.ask_unsaved_check": lambda s, by: queues.ask_unsaved_check(
        {"slug": "new", "sqs_url": s.queue.sqs_url, "region": s.queue.region}, by=by
    ),
    "queues.set_messages": lambda s, by: queues.set_messages(
        s.queue.slug, {"pointer_buckets": ["mine"]}, by=by
    ),
    "queues.save": lambda s, by: queues.save(s.queue.slug, {"name": "Mine"}, by=by),
    "saved_views.keep": lambda s, by: saved_views.keep(s.queue.slug, "Large", "q=x", by=by),
    "saved_views.share": lambda s, by: saved_views.share(s.queue.slug, "Large", "q=x", by=by),
    "saved_views.delete": lambda s, by: saved_views.delete(s.view.pk, by=by),
    "saved_views.revoke": lambda s, by: saved_views.revoke(s.shared.pk, by=by),
    "redelivery.requeue": lambda s, by: redelivery.requeue(s.entry.pk, by=by),
}
NOTHING_TO_REFUSE = {
    "preferences.save": "everybody has settings of their own",
    "assignment.claim_next": "claims among the reviews of the actor's own queues: none are left",
}


def _stored(batch: OrderBatch) -> OrderBatch:
    if not OrderBatch.objects.filter(pk=batch.pk).exists():
        batch.save(force_insert=True)
    return batch


@pytest.fixture
def subjects(queue: ReviewQueue, lena: User) -> Subjects:
    """What the verbs act on."""
    return Subjects(queue, lena)


def test_the_table_has_every_verb_that_takes_an_actor() -> None:
    takes_actor = {
        name for name, verb in public_verbs().items() if "by" in inspect.signature(verb).parameters
    }

    assert set(CALLS) | set(NOTHING_TO_REFUSE) == takes_actor


@pytest.mark.parametrize("verb", CALLS)
def test_an_actor_without_the_right_is_refused_and_nothing_is_recorded(
    verb: str, subjects: Subjects, carol: User
) -> None:
    before = AuditEvent.objects.count()

    with pytest.raises((NotAllowed, NotFound)):
        CALLS[verb](subjects, actor(carol))

    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize("verb", CALLS)
def test_no_actor_at_all_is_a_type_error(verb: str, subjects: Subjects) -> None:
    before = AuditEvent.objects.count()

    with pytest.raises(TypeError, match="must be an Actor"):
        CALLS[verb](subjects, None)

    assert AuditEvent.objects.count() == before


def test_the_system_may_not_what_only_people_may(subjects: Subjects) -> None:
    with pytest.raises(NotAllowed, match="Only a user"):
        decisions.decide(subjects.review.pk, Outcome.APPROVED, by=COMMAND_LINE)

    assert ReviewTask.objects.get(pk=subjects.review.pk).status == "pending"


def test_somebody_without_a_queue_claims_nothing(subjects: Subjects, carol: User) -> None:
    assert assignment.claim_next(ReviewTask.objects.all(), by=actor(carol)) is None
