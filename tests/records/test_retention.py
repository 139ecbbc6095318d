"""What is past its retention goes, and only that: rows are moved past each limit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Model
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from approvals.actions import decisions, intake, quarantine
from approvals.actors import COMMAND_LINE
from approvals.models import (
    BulkItem,
    BulkJob,
    ExecutionHistory,
    ExecutionSnapshot,
    OutboxAttempt,
    OutboxEntry,
    QuarantinedMessage,
    RateBucket,
    ReviewTask,
    User,
)
from approvals.models.choices import Outcome
from approvals.records import failing_rows, outbox, retention
from approvals.worker import periodic
from tests import factories
from tests.bulk import begun
from tests.factories import actor

pytestmark = pytest.mark.django_db

ARN = "arn:aws:states:us-east-1:123456789012:execution:orders:{}"


def sessions() -> list[Any]:
    made = []
    for _ in range(3):
        store = SessionStore()
        store.create()
        made.append(store.session_key)
    return made


def snapshots() -> list[Any]:
    rows = [ExecutionSnapshot(execution_arn=ARN.format(n), status="x") for n in range(4)]
    rows[3].due_at = Now()
    ExecutionSnapshot.objects.bulk_create(rows)
    ExecutionSnapshot.objects.filter(pk=rows[3].pk).update(read_at=Now() - timedelta(days=4000))
    return [row.pk for row in rows[:3]]


def histories() -> list[Any]:
    rows = [ExecutionHistory(execution_arn=ARN.format(n)) for n in range(4)]
    ExecutionHistory.objects.bulk_create(rows)
    asked = Now() - timedelta(days=4000)
    ExecutionHistory.objects.filter(pk=rows[3].pk).update(read_at=asked, asked_at=asked)
    return [row.pk for row in rows[:3]]


def quarantined() -> list[Any]:
    queue = factories.queue()
    intake.accept(queue, [factories.received(f"not JSON {number}") for number in range(4)])
    kept = list(QuarantinedMessage.objects.order_by("pk"))
    QuarantinedMessage.objects.filter(pk=kept[3].pk).update(
        received_at=Now() - timedelta(days=4000)
    )
    for row in kept[:3]:
        quarantine.discard(row.pk, "A test.", by=COMMAND_LINE)
    return [row.pk for row in kept[:3]]


def attempts() -> list[Any]:
    alice = factories.user("alice@example.com", "reviewer", factories.queue())
    made = []
    for number in range(4):
        decision = decisions.decide(
            factories.review().pk, Outcome.APPROVED, by=actor(alice)
        ).decision
        entry = OutboxEntry.objects.get(subject=decision.pk)
        OutboxEntry.objects.filter(pk=entry.pk).update(not_before=Now())
        assert outbox.lease(entry.pk) is not None
        made.append(OutboxAttempt.objects.get(entry=entry).pk)
        state = {"state": "settled", "detail": "acknowledged", "ended_at": Now()}
        if number < 3:
            OutboxEntry.objects.filter(pk=entry.pk).update(lease_until=None, **state)
    OutboxAttempt.objects.filter(pk=made[3]).update(ended_at=Now() - timedelta(days=4000))
    return made[:3]


# What makes three rows that may go and perhaps some that may not, their model, and the time that counts.
CASES: dict[str, tuple[Callable[[], list[Any]], type[Model], str]] = {
    "sessions": (sessions, Session, "expire_date"),
    "attempts": (attempts, OutboxAttempt, "ended_at"),
    "quarantine": (quarantined, QuarantinedMessage, "discarded_at"),
    "snapshots": (snapshots, ExecutionSnapshot, "read_at"),
    "histories": (histories, ExecutionHistory, "read_at"),
}


@pytest.mark.parametrize("name", CASES)
def test_rows_past_their_limit_go_and_only_they(
    name: str, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    make, model, column = CASES[name]
    young, edge, old = make()
    others = set(model._default_manager.values_list("pk", flat=True)) - {young, edge, old}
    days = timedelta(days=getattr(settings, retention.RULES[name].setting))
    for pk, age in ((young, -days / 2), (edge, timedelta(minutes=5)), (old, -timedelta(minutes=5))):
        at = Now() + age if pk == young else Now() - days + age
        model._default_manager.filter(pk=pk).update(**{column: at})
    monkeypatch.setattr(retention, "BATCH", 1)

    assert retention.Purge().turn() == 1

    left = set(model._default_manager.values_list("pk", flat=True))
    assert left == {young, edge} | others
    assert old not in left


@pytest.mark.parametrize("name", CASES)
def test_a_limit_of_0_keeps_for_ever(name: str, settings: Settings) -> None:
    make, model, column = CASES[name]
    setattr(settings, retention.RULES[name].setting, 0)
    ids = make()
    model._default_manager.filter(pk__in=ids).update(**{column: Now() - timedelta(days=4000)})

    assert retention.Purge().turn() == 0


def test_the_message_of_a_review_that_has_ended_is_erased_and_the_review_stays(
    alice: User, settings: Settings
) -> None:
    reviews = [factories.review() for _ in range(3)]
    for review in reviews[:2]:
        decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))
    before = Now() - timedelta(days=settings.RETENTION_RAW_BODIES_DAYS, minutes=5)
    past = [reviews[0].pk, reviews[2].pk]
    ReviewTask.objects.filter(pk__in=past).update(received_at=before)
    ReviewTask.objects.update(sealed_extras=b"sealed")

    assert periodic.purge() == 1
    assert periodic.purge() == 0

    sizes = [len(bytes(ReviewTask.objects.get(pk=review.pk).raw_body)) for review in reviews]
    assert sizes[0] == 0
    assert sizes[1] > 0
    assert sizes[2] > 0
    kept = ReviewTask.objects.exclude(sealed_extras=None).values_list("pk", flat=True)
    assert set(kept) == {review.pk for review in reviews[1:]}


def test_a_walk_goes_on_where_it_was_and_begins_again_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    monkeypatch.setattr(retention, "BATCHES_AT_ONCE", 1)
    purge = retention.Purge()
    ids = snapshots()
    ExecutionSnapshot.objects.filter(pk__in=ids[1:]).update(read_at=Now() - timedelta(days=4000))

    assert [purge.turn() for _ in range(6)] == [0, 1, 1, 0, 0, 0]
    ExecutionSnapshot.objects.filter(pk=ids[0]).update(read_at=Now() - timedelta(days=4000))
    assert sum(purge.turn() for _ in range(3)) == 1


def test_a_bulk_decision_that_has_ended_goes_with_its_reviews_results(
    alice: User, settings: Settings
) -> None:
    queue = factories.queue()
    old, young, running = (
        begun([factories.review(queue)], alice, reason="They called.") for _ in range(3)
    )
    past = Now() - timedelta(days=settings.RETENTION_BULK_DECISIONS_DAYS, minutes=5)
    BulkJob.objects.filter(pk=old.pk).update(status="finished", ended_at=past)
    BulkJob.objects.filter(pk=young.pk).update(status="finished", ended_at=Now())
    BulkJob.objects.filter(pk=running.pk).update(created_at=past)

    settings.RETENTION_BULK_DECISIONS_DAYS = 0
    assert retention.Purge().turn() == 0
    settings.RETENTION_BULK_DECISIONS_DAYS = 90
    assert retention.Purge().turn() == 2

    assert set(BulkJob.objects.all()) == {young, running}
    assert set(BulkItem.objects.values_list("job", flat=True)) == {young.pk, running.pk}


def test_counters_of_requests_past_their_hours_go_and_only_they(settings: Settings) -> None:
    settings.RETENTION_SIGN_IN_ATTEMPTS_HOURS = 2
    for name, minutes in (("old", 125), ("edge", 115), ("new", 0)):
        at = Now() - timedelta(minutes=minutes)
        RateBucket.objects.create(name=name, left=1, filled_at=at)

    assert retention.Purge().turn() == 1

    assert set(RateBucket.objects.values_list("name", flat=True)) == {"edge", "new"}


REFUSING = """
    CREATE FUNCTION refuse_session() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'this row cannot be deleted'; END $$;
    CREATE TRIGGER refused BEFORE DELETE ON django_session FOR EACH ROW
        WHEN (OLD.session_key = '{}') EXECUTE FUNCTION refuse_session()
"""
ALLOWING = "DROP TRIGGER refused ON django_session; DROP FUNCTION refuse_session()"


@pytest.mark.django_db(transaction=True)
def test_a_row_that_cannot_be_deleted_stops_no_other_row_and_no_other_table() -> None:
    keys, kept = sessions(), snapshots()
    Session.objects.update(expire_date=Now() - timedelta(days=4000))
    ExecutionSnapshot.objects.filter(pk=kept[0]).update(read_at=Now() - timedelta(days=4000))
    purge = retention.Purge()
    with connection.cursor() as cursor:
        cursor.execute(REFUSING.format(min(keys)))
        try:
            assert purge.turn() == 3
            assert purge.turn() == 0
        finally:
            cursor.execute(ALLOWING)

    assert list(Session.objects.values_list("session_key", flat=True)) == [min(keys)]
    failing_rows.FAILING.clear()
    assert retention.Purge().turn() == 1


def test_every_table_is_purged_by_a_setting_or_named_as_kept() -> None:
    """Whoever adds a table says how long its rows are kept, here and in docs/privacy.md."""
    purged = {rule.table for rule in retention.RULES.values() if not rule.erased}
    purged.add("approvals_receipt")
    tables = {model._meta.db_table for model in apps.get_models()}

    assert purged <= tables
    assert tables - purged == KEPT.keys()


# Why the rows of a table are kept for good, or until the service itself deletes them.
KEPT = {
    **dict.fromkeys(
        (
            *("approvals_reviewtask", "approvals_decision", "approvals_vote", "approvals_comment"),
            *("approvals_orderexecution", "approvals_orderbatch", "approvals_batchexecution"),
            *("approvals_orderintervention", "approvals_outboxentry", "approvals_auditevent"),
            *("approvals_mention", "approvals_skip", "approvals_refusedrow"),
        ),
        "what the service is for, or a part of it",
    ),
    **dict.fromkeys(
        (
            *("approvals_user", "account_emailaddress", "approvals_apitoken", "auth_group"),
            *("approvals_preference", "approvals_savedview", "approvals_queuemembership"),
        ),
        "the accounts of people, with what they have set; users are deactivated",
    ),
    **dict.fromkeys(
        (
            *("approvals_reviewqueue", "approvals_webhooksecret", "approvals_breaker"),
            *("approvals_queuecheck", "approvals_connectioncheck", "approvals_workflow"),
        ),
        "how the service is set up: as many as operators make, or one a queue, a person or a definition",
    ),
    "approvals_decisionrollup": "counts; `decision_rollups` deletes those of hours and of reviewers",
    "approvals_heartbeat": "deleted when the token needs none any more",
    "approvals_replayrequest": "deleted when its message is replayed or discarded",
    "account_emailconfirmation": "never written: nobody confirms an address",
    "django_admin_log": "never written: the admin site writes audit events",
    "auth_permission": "written by migrations",
    "django_content_type": "written by migrations",
}
