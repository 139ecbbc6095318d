"""Rows against events: who changes a decision, a vote or a status past the triggers is found out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError

from approvals.actions import decisions
from approvals.actions.decisions import DecisionRequest
from approvals.models import AuditEvent, Decision, ReviewTask, User, Vote
from approvals.models.choices import Outcome
from approvals.records import audit, audited_rows
from approvals.records.audit_verification import Verification, verify
from tests import factories
from tests.factories import actor
from tests.records.test_audit_verification import past_the_triggers

pytestmark = pytest.mark.django_db

OTHER: dict[str, Callable[[], Any]] = {
    "id": uuid4,
    "outcome": lambda: "rejected",
    "reason_code": lambda: "other",
    "reason": lambda: "other",
    "edits": lambda: '{"amount": 2}',
    "surface": lambda: "api",
    "signed_in": lambda: "token:other",
    "review_id": lambda: factories.review().pk,
    "by_id": lambda: factories.user(f"{uuid4()}@example.com").pk,
    "reviewer_id": lambda: factories.user(f"{uuid4()}@example.com").pk,
    "on_behalf_of_id": lambda: factories.user(f"{uuid4()}@example.com").pk,
    "decided_at": lambda: "2026-01-01T00:00:00Z",
    "undo_until": lambda: "2026-01-01T00:00:00Z",
    "undone_at": lambda: "2026-01-01T00:00:00Z",
    "cast_at": lambda: "2026-01-01T00:00:00Z",
    "withdrawn_at": lambda: "2026-01-01T00:00:00Z",
    "callback": lambda: b"{}",
}
EDITED = {"type": "object"}


def columns(model: Any) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


@pytest.fixture
def decided(alice: User) -> ReviewTask:
    """A review that Alice has approved, with edits, a reason and an undo window."""
    review = factories.review(factories.queue(output_schema=EDITED, undo_seconds=30))
    request = DecisionRequest(
        reason="Known customer", reason_code="known", edits={"amount": 1e16, "small": 1.5e-7}
    )
    return decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice), request=request)


def named(review: ReviewTask) -> str:
    """What a whole pass finds, which is also what the chain of the review alone shows."""
    found = list(Verification())
    assert set(verify(f"review:{review.pk}")) <= set(found)
    return "\n".join(f"{breach.chain} #{breach.seq}: {breach.what}" for breach in found)


def test_untouched_rows_are_as_their_events_say(decided: ReviewTask) -> None:
    assert named(decided) == ""


@pytest.mark.parametrize("column", columns(Decision))
def test_a_change_of_any_column_of_a_decision_is_found(decided: ReviewTask, column: str) -> None:
    past_the_triggers(f"UPDATE approvals_decision SET {column} = %s", OTHER[column]())  # noqa: S608

    assert "decision" in named(decided)


@pytest.mark.parametrize("column", columns(Vote))
def test_a_change_of_any_column_of_a_vote_is_found(decided: ReviewTask, column: str) -> None:
    past_the_triggers(f"UPDATE approvals_vote SET {column} = %s", OTHER[column]())  # noqa: S608

    assert "vote" in named(decided)


@pytest.mark.parametrize("column", ["outcome", "reason", "surface", "decided_at", "by_id"])
def test_a_change_that_an_event_without_digests_speaks_of_is_named(
    decided: ReviewTask, column: str
) -> None:
    event = AuditEvent.objects.get(kind="review.approved")
    data = {key: value for key, value in event.data.items() if not key.endswith("_sha256")}
    past_the_triggers("DELETE FROM approvals_auditevent WHERE id = %s", event.pk)
    again = type(event)(**{name: getattr(event, name) for name in columns(type(event))})
    again.data, again.format, again.salts = data, 1, b""  # as the releases up to 0.3.0 wrote it
    again.hash = audit.digest_of(again)
    again.save(force_insert=True)
    assert named(decided) == ""
    past_the_triggers(f"UPDATE approvals_decision SET {column} = %s", OTHER[column]())  # noqa: S608

    assert f"not as its event says: {column.removesuffix('_id')}" in named(decided)


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("UPDATE approvals_reviewtask SET status = 'expired', decision_id = NULL", "is expired"),
        ("UPDATE approvals_reviewtask SET status = 'rejected'", "is rejected"),
        ("DELETE FROM approvals_vote", "vote"),
        ("DELETE FROM approvals_decision", "is missing"),
    ],
)
def test_a_status_without_an_event_and_a_missing_row_are_found(
    decided: ReviewTask, sql: str, what: str
) -> None:
    past_the_triggers(sql)

    assert what in named(decided)


@pytest.mark.parametrize(
    "forged", ['{"decision": "none", "vote": "drop"}', '{"decision": 7}', "[]", '"text"', "17"]
)
def test_data_that_names_no_rows_is_a_breach_and_no_failure(
    decided: ReviewTask, forged: str
) -> None:
    past_the_triggers(
        "UPDATE approvals_auditevent SET data = %s WHERE kind = 'review.approved'", forged
    )

    found = named(decided)

    assert "its content does not match its hash" in found
    assert "has no event" in found


def test_a_review_that_is_decided_without_an_event_is_found(decided: ReviewTask) -> None:
    past_the_triggers("DELETE FROM approvals_auditevent WHERE kind = 'review.approved'")

    found = named(decided)

    assert "the review is approved, and pending by its events" in found
    assert "has no event" in found


def test_an_undo_without_an_event_is_found_though_no_chain_leads_to_it(alice: User) -> None:
    review = factories.review(factories.queue(undo_seconds=30))
    first = decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice)).decision
    decisions.undo(first.pk, by=actor(alice))
    assert named(review) == ""
    past_the_triggers("DELETE FROM approvals_auditevent WHERE chain LIKE 'review:%%' AND seq > 1")

    assert f"no event says that the decision {first.pk} was undone" in [
        breach.what for breach in Verification()
    ]


def test_undone_and_decided_again_is_as_its_events_say(alice: User, bob: User) -> None:
    review = factories.review(factories.queue(undo_seconds=30))
    for by in (alice, bob, alice):
        decided = decisions.decide(review.pk, Outcome.REJECTED, by=actor(by)).decision
        assert named(review) == ""
        decisions.undo(decided.pk, by=actor(by))
        assert named(review) == ""


def test_the_end_of_a_decision_is_compared_too(alice: User) -> None:
    review = factories.review(factories.queue(undo_seconds=30))
    decided = decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice)).decision
    decisions.undo(decided.pk, by=actor(alice))
    past_the_triggers("UPDATE approvals_decision SET undone_at = NULL")
    past_the_triggers("UPDATE approvals_vote SET withdrawn_at = '2026-01-01'")

    assert named(review).count("when it was undone") == 2


def test_a_review_that_is_decided_while_it_is_compared_is_no_breach(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = factories.review()
    compared = audited_rows.differences
    seen: list[int] = []

    def meanwhile(replays: Any) -> Any:
        if not seen:
            decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))
        found = compared(replays)
        seen.append(len(found))
        return found

    monkeypatch.setattr(audited_rows, "differences", meanwhile)

    assert verify(f"review:{review.pk}") == []
    assert seen == [1, 0]


def is_refused(sql: str, *values: Any) -> bool:
    """Whether the database refuses a statement of the application."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(sql, values)
    except IntegrityError as error:
        return "frozen" in str(error)
    return False


@pytest.mark.parametrize(("model", "end"), [(Decision, "undone_at"), (Vote, "withdrawn_at")])
def test_triggers_refuse_every_change_but_one_end(
    decided: ReviewTask, model: Any, end: str
) -> None:
    table = model._meta.db_table
    for column in set(columns(model)) - {end}:
        assert is_refused(f"UPDATE {table} SET {column} = %s", OTHER[column]()), column  # noqa: S608
    assert is_refused(f"DELETE FROM {table}")  # noqa: S608
    assert is_refused(f"TRUNCATE {table} CASCADE")
    assert not is_refused(f"UPDATE {table} SET {end} = now()")  # noqa: S608
    assert is_refused(f"UPDATE {table} SET {end} = NULL")  # noqa: S608
    assert is_refused(f"UPDATE {table} SET {end} = '2026-01-01'")  # noqa: S608
