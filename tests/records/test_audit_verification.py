"""Verifying the audit trail: which places of a broken chain are named, and how one pass reads all chains."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from approvals.actors import SYSTEM
from approvals.models import AuditEvent, ReviewTask
from approvals.records import audit, audit_verification
from approvals.records.audit import Entry
from approvals.records.audit_kinds import AuditKind
from approvals.records.audit_verification import Breach, Verification, verify
from tests import factories

pytestmark = pytest.mark.django_db

KIND = AuditKind.REVIEW_CLAIMED


def past_the_triggers(sql: str, *values: Any) -> None:
    """Run what only a superuser of the database can do."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(sql, values)
        cursor.execute("RESET session_replication_role")


def more(review: ReviewTask, number: int) -> None:
    """Let so many more events happen to a review."""
    for each in range(number):
        audit.append({audit.chain(review): Entry(KIND, SYSTEM, {"number": each})})


@pytest.fixture
def long_chain() -> str:
    """The chain of a review with four events."""
    review = factories.review()
    more(review, 3)
    return audit.chain(review)


def test_a_gap_is_named_by_the_number_that_is_missing(long_chain: str) -> None:
    past_the_triggers("DELETE FROM approvals_auditevent WHERE chain = %s AND seq = 2", long_chain)

    assert verify(long_chain) == [
        Breach(long_chain, 2, "missing: the next event is #3"),
        Breach(long_chain, 3, "does not follow from the event before it"),
    ]


def test_changed_content_is_named_once_and_the_events_after_it_stand(long_chain: str) -> None:
    past_the_triggers(
        "UPDATE approvals_auditevent SET kind = 'x' WHERE chain = %s AND seq = 2", long_chain
    )

    assert verify(long_chain) == [Breach(long_chain, 2, "its content does not match its hash")]


def test_a_chain_whose_first_event_is_missing_begins_with_a_gap(long_chain: str) -> None:
    past_the_triggers("DELETE FROM approvals_auditevent WHERE chain = %s AND seq = 1", long_chain)

    assert verify(long_chain)[0] == Breach(long_chain, 1, "missing: the next event is #2")


def test_an_empty_chain_is_a_breach() -> None:
    assert verify("review:x") == [Breach("review:x", 1, "missing: the chain is empty")]


def test_a_pass_verifies_all_chains_and_misses_those_that_reviews_should_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit_verification, "EVENTS_AT_ONCE", 2)
    monkeypatch.setattr(audit_verification, "REVIEWS_AT_ONCE", 1)
    recorded, unrecorded = factories.review(), factories.review()
    past_the_triggers(
        "DELETE FROM approvals_auditevent WHERE chain = %s", f"review:{unrecorded.pk}"
    )
    more(recorded, 4)

    every = Verification()

    assert list(every) == [Breach(f"review:{unrecorded.pk}", 1, "missing: the chain is empty")]
    assert every.verified == 3  # the queue's and the two reviews'
    assert every.resume_after == f"review:{recorded.pk}"


def test_a_pass_names_every_breach_with_its_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_verification, "EVENTS_AT_ONCE", 2)
    reviews = [factories.review() for _ in range(3)]
    for review in reviews:
        more(review, 3)
    names = [audit.chain(review) for review in reviews]
    past_the_triggers("DELETE FROM approvals_auditevent WHERE chain = %s AND seq = 1", names[0])
    past_the_triggers("UPDATE approvals_auditevent SET data = '{}' WHERE seq = 3")

    found = list(Verification())

    assert found == [breach for name in sorted(names) for breach in verify(name)]
    assert [breach.seq for breach in found] == [1, 2, 3, 3, 3]


def test_a_pass_that_was_stopped_goes_on_behind_the_last_whole_chain() -> None:
    for _ in range(3):
        more(factories.review(), 2)
    names = list(AuditEvent.objects.order_by("chain").values_list("chain", flat=True).distinct())
    past_the_triggers("UPDATE approvals_auditevent SET kind = 'x' WHERE seq = 2")
    stopped = Verification()

    for _ in stopped:
        stopped.stop.set()
    again = Verification(after=stopped.resume_after)
    rest = list(again)

    assert stopped.resume_after == names[stopped.verified - 1]
    assert stopped.verified + again.verified == len(names) == 4
    assert {breach.chain for breach in rest} == set(names[stopped.verified :])
