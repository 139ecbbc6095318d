"""Values that may be erased from the trail: the chain verifies without them, and with no other change."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pytest
from django.db import DatabaseError, connection, transaction

from approvals.actions import decisions, discussion
from approvals.actions.decisions import DecisionRequest
from approvals.actors import SYSTEM
from approvals.models import AuditEvent, Decision, ReviewTask, User, Vote
from approvals.models.choices import Outcome
from approvals.records import audit, erasable_values
from approvals.records.audit_kinds import AuditKind
from approvals.records.audit_verification import Verification, verify
from approvals.records.erasable_values import ACTOR, ERASED
from tests import factories
from tests.factories import actor
from tests.records.test_audit_verification import past_the_triggers

pytestmark = pytest.mark.django_db

TEXT = "Ask Grace Hopper, 0151 2345678"
SET = "UPDATE approvals_auditevent SET "
COMMENTED, APPROVED = " WHERE kind = 'review.commented'", " WHERE kind = 'review.approved'"


@pytest.fixture
def decided(alice: User, bob: User) -> ReviewTask:
    """A review that Alice has commented on, with Bob's address, and approved with a reason."""
    review = factories.review()
    discussion.comment(review.pk, f"{TEXT} @{bob.email}", by=actor(alice))
    request = DecisionRequest(reason="Grace called")
    return decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice), request=request)


def event(kind: str) -> AuditEvent:
    return AuditEvent.objects.get(kind=kind)


def write(row: AuditEvent) -> None:
    """Write the columns that an erasure changes, as only who owns the table can."""
    past_the_triggers(
        f"{SET} actor_name = %s, data = data || %s::jsonb, salts = %s WHERE id = %s",
        row.actor_name,
        connection.ops.adapt_json_value(row.data, None),
        bytes(row.salts),
        row.pk,
    )


def erase(kind: str, *names: str) -> None:
    row = event(kind)
    row.actor_name, row.data, row.salts = erasable_values.erased(row, row.data, names)
    write(row)


def stored() -> str:
    """All that the trail holds, as one text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(e::text, ' ') FROM approvals_auditevent e")
        return str(cursor.fetchone()[0])


def test_a_hash_covers_erasable_values_by_their_salted_digests(decided: ReviewTask) -> None:
    commented = event("review.commented")
    salts = bytes(commented.salts)
    mentioned, text = commented.data["mentioned"], commented.data["text"]

    found = erasable_values.digests(commented, commented.data)
    hexes = list(found.values())

    assert list(found) == [ACTOR, "mentioned", "text"]
    assert [
        hashlib.sha256(salts[first : first + 16] + value.encode()).hexdigest()
        for first, value in (
            (1, '"alice@example.com"'),
            (18, f'["{mentioned[0]}"]'),
            (35, f'"{text}"'),
        )
    ] == hexes
    assert (len(salts), salts[::17]) == (51, b"\x01\x01\x01")
    content = (
        f'{{"actor":"{commented.actor_id}","actor_name":"{hexes[0]}",'
        f'"at":"{commented.at.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")}","chain":"{commented.chain}",'
        f'"data":{{"comment":"{commented.data["comment"]}","mentioned":"{hexes[1]}",'
        f'"text":"{hexes[2]}"}},"format":2,"kind":"review.commented","on_behalf_of":null,'
        f'"seq":2,"surface":"web"}}'
    )
    assert (
        bytes(commented.hash)
        == hashlib.sha256(bytes(commented.prev_hash) + content.encode()).digest()
    )


def test_equal_values_have_different_salts() -> None:
    review = factories.review()
    for _ in range(2):
        factories.event(review, AuditKind.REVIEW_SKIPPED, by=SYSTEM, data={"reason": "Later"})

    first, second = AuditEvent.objects.filter(kind="review.skipped")

    assert (len(bytes(first.salts)), len(bytes(second.salts))) == (17, 17)
    assert bytes(first.salts) != bytes(second.salts)


def test_an_event_without_a_value_to_erase_has_no_salt(decided: ReviewTask) -> None:
    assert bytes(event("review.received").salts) == b""


@pytest.mark.parametrize("names", [("text",), ("text", ACTOR), ("text", "mentioned", ACTOR)])
def test_an_erased_value_is_gone_and_the_chain_verifies(
    names: tuple[str, ...], decided: ReviewTask
) -> None:
    assert verify(audit.chain(decided)) == []
    before = bytes(event("review.commented").hash)

    erase("review.commented", *names)

    erased = event("review.commented")
    assert TEXT not in stored()
    assert (erased.data["text"], bytes(erased.hash)) == (ERASED, before)
    assert (erased.actor_name == ERASED) == (ACTOR in names)
    assert (verify(audit.chain(decided)), list(Verification())) == ([], [])


def test_an_erased_reason_is_not_compared_with_the_rows_of_its_decision(
    decided: ReviewTask,
) -> None:
    kind = "review.approved"
    erase(kind, "reason", "vote_sha256", "decision_sha256")
    past_the_triggers("UPDATE approvals_decision SET reason = '', callback = ''")
    past_the_triggers("UPDATE approvals_vote SET reason = ''")
    assert "Grace called" not in stored()
    assert verify(audit.chain(decided)) == []

    past_the_triggers("UPDATE approvals_vote SET outcome = 'rejected'")

    assert "outcome" in verify(audit.chain(decided))[0].what
    assert (Vote.objects.count(), Decision.objects.count()) == (1, 1)


def test_a_value_that_reads_as_if_erased_is_compared(alice: User) -> None:
    review = factories.review()
    request = DecisionRequest(reason=ERASED)
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice), request=request)
    past_the_triggers("UPDATE approvals_vote SET reason = 'other'")

    assert "reason" in verify(audit.chain(review))[0].what


ZEROS = "decode(repeat('00', 16), 'hex')"
TAMPERING: Mapping[str, str] = {
    "a changed value": f"""{SET} data = data || '{{"text": "other"}}'{COMMENTED}""",
    "an emptied value": f"""{SET} data = data || '{{"text": ""}}'{COMMENTED}""",
    "a removed value": f"{SET} data = data - 'text'{COMMENTED}",
    "an added value": f"""{SET} data = data || '{{"reason": "x"}}'{COMMENTED}""",
    "a changed name": f"{SET} actor_name = 'eve@example.com'{COMMENTED}",
    "a changed salt": f"{SET} salts = overlay(salts placing {ZEROS} from 36){COMMENTED}",
    "a removed salt": f"{SET} salts = substring(salts from 1 for 34){COMMENTED}",
    "all salts removed": f"{SET} salts = ''{COMMENTED}",
    "one salt too many": f"{SET} salts = salts || salts{COMMENTED}",
    "a shortened salt": f"{SET} salts = substring(salts from 1 for 50){COMMENTED}",
    "an unknown mark": f"{SET} salts = set_byte(salts, 34, 9){COMMENTED}",
    "salts of an event that needs none": f"{SET} salts = 'x' WHERE kind = 'review.received'",
    "a value replaced without a digest":
        f"""{SET} data = data || '{{"text": "{ERASED}"}}'{COMMENTED}""",
    "the format before": f"{SET} format = 1, salts = ''{COMMENTED}",
    "an unknown format": f"{SET} format = 3{COMMENTED}",
    "no salts, and the hash of nothing": f"{SET} salts = '', hash = ''{APPROVED}",
    "no object": f"{SET} data = '[]'{COMMENTED}",
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERING)
def test_every_change_that_is_no_erasure_is_found(what: str, decided: ReviewTask) -> None:
    past_the_triggers(TAMPERING[what])

    found = verify(audit.chain(decided))

    assert "its content does not match its hash" in [breach.what for breach in found]
    assert {breach.seq for breach in found} <= {1, 2, 3}
    assert found == list(Verification())


@pytest.mark.parametrize(
    "tampering",
    [
        f"""{SET} data = data || '{{"text": "made up"}}'{COMMENTED}""",
        f"{SET} actor_name = 'eve@example.com'{COMMENTED}",
        f"{SET} salts = set_byte(salts, 40, (get_byte(salts, 40) + 1) & 255){COMMENTED}",
    ],
)
def test_nothing_is_put_in_the_place_of_what_was_erased(
    tampering: str, decided: ReviewTask
) -> None:
    erase("review.commented", "text", ACTOR)

    past_the_triggers(tampering)

    assert [breach.seq for breach in verify(audit.chain(decided))] == [2]


def test_what_is_not_erasable_is_refused(decided: ReviewTask) -> None:
    row = event("review.commented")

    with pytest.raises(ValueError, match="not erasable in this event: comment, reason"):
        erasable_values.erased(row, row.data, ("text", "comment", "reason"))


def test_the_events_of_the_release_before_verify_among_those_of_this_one(alice: User) -> None:
    """A process of 0.3.0 writes format 1 and does not know the column."""
    review = factories.review()
    last = AuditEvent.objects.get(chain=audit.chain(review))
    made = AuditEvent(
        chain=last.chain,
        seq=2,
        format=1,
        kind="review.skipped",
        actor=alice,
        actor_name=alice.email,
        surface="web",
        data={"reason": "Later"},
        at=last.at,
        prev_hash=last.hash,
    )
    made.hash = audit.digest_of(made)
    columns = [
        f for f in made._meta.concrete_fields if f.column not in ("id", "salts", "transaction")
    ]
    values = [f.get_db_prep_save(getattr(made, f.attname), connection) for f in columns]
    names, marks = ", ".join(f.column for f in columns), ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO approvals_auditevent ({names}) VALUES ({marks})", values)  # noqa: S608
    factories.event(review, AuditKind.REVIEW_SKIPPED, by=actor(alice), data={"reason": "Later"})

    found = AuditEvent.objects.filter(chain=last.chain).order_by("seq")

    assert [each.format for each in found] == [2, 1, 2]
    assert verify(last.chain) == []
    for number in (2, 3):
        with transaction.atomic():
            past_the_triggers(
                f"""{SET} data = '{{"reason": "No"}}' WHERE chain = %s AND seq = %s""",
                last.chain,
                number,
            )
            assert [breach.seq for breach in verify(last.chain)] == [number]
            transaction.set_rollback(True)


def test_the_database_refuses_to_change_salts(decided: ReviewTask) -> None:
    with pytest.raises(DatabaseError, match="append only"), transaction.atomic():
        AuditEvent.objects.update(salts=b"")
