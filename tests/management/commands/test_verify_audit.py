"""`verify_audit`: silent about whole chains, exit code 3 at a breach."""

from __future__ import annotations

import threading
import uuid

import pytest
from django.db import connection

from approvals.management.command import ReviewCommand
from approvals.models import (
    AuditEvent,
    ReviewTask,
    User,
)
from tests import factories
from tests.management.command_line import refused, run

pytestmark = pytest.mark.django_db


def test_verify_audit_is_silent_about_whole_chains_and_ends_with_3_at_a_breach(alice: User) -> None:
    review = factories.review()
    assert run("verify_audit", "--review", str(review.pk)) == "1 chains verified, 0 breaches\n"
    assert ", 0 breaches" in run("verify_audit")
    tampered("UPDATE approvals_auditevent SET data = '{}' WHERE chain = %s", review)

    with pytest.raises(SystemExit) as ended:
        run("verify_audit")

    assert ended.value.code == 3
    assert "No review" in refused("verify_audit", "--review", str(uuid.uuid4()))


def test_verify_audit_misses_a_chain_that_is_gone_altogether(alice: User) -> None:
    review = factories.review()
    tampered("DELETE FROM approvals_auditevent WHERE chain = %s", review)

    with pytest.raises(SystemExit):
        run("verify_audit")


def test_verify_audit_goes_on_after_a_chain(alice: User) -> None:
    chains = sorted(f"review:{factories.review().pk}" for _ in range(3))

    said = run("verify_audit", "--after", chains[0])

    assert said == f"{2 + User.objects.count()} chains verified, 0 breaches\n"
    assert "--review and --after" in refused(
        "verify_audit", "--after", chains[0], "--review", str(uuid.uuid4())
    )


def test_verify_audit_says_where_to_go_on_when_it_is_interrupted(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = sorted(AuditEvent.objects.values_list("chain", flat=True).distinct())
    stop = threading.Event()
    stop.set()
    monkeypatch.setattr(ReviewCommand, "stop_on_signals", lambda _: stop)

    said = refused("verify_audit")

    assert f"Interrupted: 1 chains verified, 0 breaches. Go on with --after {names[0]}" in said


def tampered(sql: str, review: ReviewTask) -> None:
    """Run SQL with the triggers off, as a superuser can."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(sql, [f"review:{review.pk}"])
        cursor.execute("RESET session_replication_role")
