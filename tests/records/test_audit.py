"""The audit trail: nobody rewrites it, and where somebody does, the verifier says where."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from approvals.actions import assignment, decisions
from approvals.actors import COMMAND_LINE
from approvals.models import AuditEvent, Decision, OutboxEntry, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.records import audit, audit_verification
from approvals.records.audit_kinds import AuditKind
from tests import factories
from tests.factories import actor

pytestmark = pytest.mark.django_db


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # pending checks would be in the way
        cursor.execute(sql)


def past_the_triggers(sql: str, ours: str) -> None:
    """What only a superuser of the database can do, to the events of one chain."""
    run("SET session_replication_role = replica")
    try:
        run(sql.replace("OURS", f"chain = '{ours}'"))
    finally:
        run("RESET session_replication_role")


@pytest.fixture
def chain(alice: User) -> str:
    """The chain of a review with five events."""
    review = factories.review()
    for _ in range(2):
        assignment.claim(review.pk, by=actor(alice))
        assignment.release(review.pk, by=actor(alice))
    name = audit.chain_of("review", review.pk)
    assert AuditEvent.objects.filter(chain=name).count() == 5
    return name


def test_chains_of_a_whole_life_verify_without_a_false_alarm(alice: User, lena: User) -> None:
    for number in range(20):
        review = factories.review(orderId=f"Ünï-{number} \u2028 \U0001f642")
        assignment.claim(review.pk, by=actor(alice))
        request = decisions.DecisionRequest(reason='"quoted" \\u0041 é \x01', override=True)
        decided = decisions.decide(
            review.pk, Outcome.APPROVED, by=actor(lena, "api"), request=request
        )
        decisions.undo(decided.decision_id, by=actor(lena, "api"))

    chains = AuditEvent.objects.values_list("chain", flat=True).distinct()
    assert len(chains) > 20
    assert [audit_verification.verify(each) for each in chains] == [[] for _ in chains]


UPDATE, DELETE = "UPDATE approvals_auditevent SET ", "DELETE FROM approvals_auditevent "
TAMPERING = {
    "a changed actor": UPDATE + "actor_name = 'eve' WHERE OURS AND seq = 3",
    "an actor removed": UPDATE + "actor_id = NULL WHERE OURS AND seq = 2",
    "changed data": UPDATE + """data = '{"a": 1.5}' WHERE OURS AND seq = 1""",
    "a changed time": UPDATE + "at = at - interval '1 s' WHERE OURS AND seq = 5",
    "a changed kind": UPDATE + "kind = 'x' WHERE OURS AND seq = 4",
    "a changed surface": UPDATE + "surface = 'x' WHERE OURS AND seq = 4",
    "a changed format": UPDATE + "format = 1 WHERE OURS AND seq = 4",
    "a changed hash": UPDATE + "hash = sha256('x') WHERE OURS AND seq = 4",
    "the first deleted": DELETE + "WHERE OURS AND seq = 1",
    "one deleted": DELETE + "WHERE OURS AND seq = 3",
    "one deleted and the gap closed": DELETE + "WHERE OURS AND seq = 3;"
    + UPDATE + "seq = 3 WHERE OURS AND seq = 4;"
    + UPDATE + "seq = 4 WHERE OURS AND seq = 5",
    "two exchanged": UPDATE + "seq = 99 WHERE OURS AND seq = 2;"
    + UPDATE + "seq = 2 WHERE OURS AND seq = 3;"
    + UPDATE + "seq = 3 WHERE OURS AND seq = 99",
    "one inserted": "INSERT INTO approvals_auditevent"
    " (chain, seq, format, kind, actor_name, surface, data, at, prev_hash, hash)"
    " SELECT chain, 6, format, 'review.approved', actor_name, surface, data, at, hash, sha256(hash)"
    " FROM approvals_auditevent WHERE OURS AND seq = 5",
    "all deleted": DELETE + "WHERE OURS",
}  # fmt: skip


@pytest.mark.parametrize("tampering", TAMPERING)
def test_a_superusers_tampering_is_found(tampering: str, chain: str) -> None:
    untouched = factories.review()
    past_the_triggers(TAMPERING[tampering], chain)

    breaches = audit_verification.verify(chain)

    assert breaches
    assert {breach.chain for breach in breaches} == {chain}
    assert audit_verification.verify(audit.chain_of("review", untouched.pk)) == []


def test_an_event_moved_to_another_chain_is_found_in_both(chain: str, alice: User) -> None:
    other = audit.chain_of("review", factories.review().pk)
    past_the_triggers(DELETE + "WHERE OURS", other)
    past_the_triggers(UPDATE + "seq = 1, chain = '" + other + "' WHERE OURS AND seq = 1", chain)

    assert audit_verification.verify(chain)
    assert audit_verification.verify(other)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE approvals_auditevent SET kind = kind",
        "DELETE FROM approvals_auditevent",
        "TRUNCATE approvals_auditevent",
    ],
)
def test_the_database_refuses_to_change_or_empty_the_trail(sql: str, chain: str) -> None:
    with pytest.raises(DatabaseError, match="append only"), transaction.atomic():
        run(sql)

    assert audit_verification.verify(chain) == []


def test_a_second_event_at_the_same_place_is_refused(chain: str) -> None:
    event = AuditEvent.objects.filter(chain=chain).last()
    event.pk = None

    with pytest.raises(IntegrityError, match="audit_chain_has_no_fork"), transaction.atomic():
        event.save(force_insert=True)


@pytest.mark.parametrize(
    "data",
    [{"a": 1.5}, {"a": [1.5]}, {"a": [{"b": {"c": 1.5}}]}, {"a": b"x"}, {1: "a"}, {"a": (1,)}],
)
def test_data_that_would_not_read_back_the_same_is_refused(data: Any) -> None:
    review = factories.review()
    before = AuditEvent.objects.count()

    with pytest.raises(TypeError):
        factories.event(review, AuditKind.REVIEW_CLAIMED, by=COMMAND_LINE, data=data)

    assert AuditEvent.objects.count() == before


def test_an_event_without_an_actor_is_refused() -> None:
    review = factories.review()

    with pytest.raises(TypeError, match="must be an Actor"):
        factories.event(review, AuditKind.REVIEW_CLAIMED, by=None)


def test_an_event_that_cannot_be_recorded_undoes_the_decision(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = factories.review()
    run(
        "ALTER TABLE approvals_auditevent ADD CONSTRAINT no CHECK (kind <> 'review.approved') NOT VALID"
    )

    with pytest.raises(IntegrityError):
        decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))

    assert ReviewTask.objects.get().status == "pending"
    assert (Decision.objects.count(), OutboxEntry.objects.count()) == (0, 0)
