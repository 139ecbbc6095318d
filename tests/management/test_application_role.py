"""The role of the processes does what the service does, and cannot touch what the trail rests on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from pytest_django.fixtures import Settings

from approvals.actions import decisions, discussion
from approvals.management import application_role
from approvals.management.command import Error
from approvals.models import ReviewTask, User
from approvals.models.choices import Outcome
from approvals.records.audit_verification import verify
from tests import factories
from tests.factories import actor

pytestmark = pytest.mark.django_db

ROLE = "countersign_test_app"
URL = f"postgres://{ROLE}:pass-word@127.0.0.1/x"


@pytest.fixture
def review(alice: User) -> ReviewTask:
    """A review whose queue lets decisions be undone."""
    return factories.review(factories.queue(undo_seconds=30))


@pytest.fixture
def as_application(review: ReviewTask, settings: Settings) -> Iterator[None]:
    """What follows runs as the role of the processes."""
    settings.APPLICATION_DATABASE_URL = URL
    call_command("migrate", verbosity=0)
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {ROLE}")
        yield
        cursor.execute("RESET ROLE")


def is_denied(sql: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    except DatabaseError as error:
        return "permission denied" in str(error) or "must be owner" in str(error)
    return False


def test_the_role_decides_undoes_and_verifies(
    as_application: None, review: ReviewTask, alice: User
) -> None:
    decided = decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))
    decisions.undo(decided.decision_id, by=actor(alice))
    discussion.comment(review.pk, "Seen.", by=actor(alice))

    assert verify(f"review:{review.pk}") == []


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE approvals_auditevent SET kind = 'x'",
        "DELETE FROM approvals_auditevent",
        "TRUNCATE approvals_auditevent",
        "ALTER TABLE approvals_auditevent DISABLE TRIGGER ALL",
        "DROP TABLE approvals_auditevent CASCADE",
        "SET session_replication_role = replica",
        "UPDATE approvals_decision SET reason = 'x'",
        "DELETE FROM approvals_vote",
        "TRUNCATE approvals_reviewtask CASCADE",
        "ALTER TABLE approvals_decision DISABLE TRIGGER frozen",
        "DROP TRIGGER frozen ON approvals_vote",
        "DELETE FROM django_migrations",
        "CREATE TABLE mine (id int)",
    ],
)
def test_the_role_cannot_change_the_trail_or_a_table(as_application: None, sql: str) -> None:
    assert is_denied(sql)


@pytest.mark.parametrize(
    ("url", "why"), [("postgres://h/x", "no user"), ("postgres://{me}:p@h/x", "the owner")]
)
def test_a_url_without_a_role_of_its_own_is_refused(db: None, url: str, why: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (me,) = cursor.fetchone() or ("",)

    with pytest.raises(Error, match=why):
        application_role.grant(url.format(me=me))
