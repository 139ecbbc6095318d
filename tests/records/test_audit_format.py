"""The audit trail's format: what a hash covers to the byte, and which places of a broken chain are named."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import uuid4

import pytest
import structlog
from django.db import connection
from structlog.testing import LogCapture

from approvals.actors import COMMAND_LINE, SYSTEM, Actor
from approvals.models import AuditEvent, ReviewTask, User
from approvals.models.choices import Surface
from approvals.records import audit, audit_verification
from approvals.records.audit import Entry
from approvals.records.audit_kinds import AuditKind
from approvals.records.audit_verification import Breach, Verification, verify
from tests import factories

pytestmark = pytest.mark.django_db

KIND = AuditKind.REVIEW_CLAIMED


def events(chain: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(chain=chain).order_by("seq"))


def past_the_triggers(sql: str, *values: Any) -> None:
    """Run what only a superuser of the database can do."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(sql, values)
        cursor.execute("RESET session_replication_role")


@pytest.fixture
def long_chain() -> str:
    """The chain of a review with four events."""
    review = factories.review()
    for number in range(3):
        factories.event(review, KIND, by=SYSTEM, data={"number": number})
    return audit.chain(review)


def more(review: ReviewTask, number: int) -> None:
    """Let so many more events happen to a review."""
    for each in range(number):
        audit.append({audit.chain(review): Entry(KIND, SYSTEM, {"number": each})})


@pytest.mark.parametrize("stands_in", [True, False])
def test_a_hash_covers_the_hash_before_it_and_every_column_as_compact_sorted_json(
    stands_in: bool, alice: User, bob: User
) -> None:
    review = factories.review()
    by = Actor(alice, Surface.WEB, on_behalf_of=bob if stands_in else None)

    made = factories.event(
        review, KIND, by=by, data={"z": "Köln", "a": [None, True, 7, {"k": "v"}]}
    )

    first, second = events(f"review:{review.pk}")
    at = second.at.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
    absent = f'"{bob.pk}"' if stands_in else "null"
    text = (
        f'{{"actor":"{alice.pk}","actor_name":"alice@example.com","at":"{at}",'
        f'"chain":"review:{review.pk}","data":{{"a":[null,true,7,{{"k":"v"}}],"z":"Köln"}},'
        f'"format":1,"kind":"review.claimed","on_behalf_of":{absent},"seq":2,"surface":"web"}}'
    )
    expected = hashlib.sha256(bytes(first.hash) + text.encode()).digest()
    assert (second.pk, bytes(second.hash), bytes(second.prev_hash)) == (
        made.pk,
        expected,
        bytes(first.hash),
    )
    assert bytes(first.prev_hash) == bytes(32)


def test_an_event_of_the_system_has_no_actor_in_its_hash() -> None:
    review = factories.review()
    event = factories.event(review, KIND, by=SYSTEM)

    content = {
        "actor": None, "actor_name": "system", "at": event.at.isoformat(timespec="microseconds"),
        "chain": f"review:{review.pk}", "data": {}, "format": 1, "kind": "review.claimed",
        "on_behalf_of": None, "seq": 2, "surface": "system",
    }  # fmt: skip
    text = json.dumps(content, separators=(",", ":"))
    assert bytes(event.hash) == hashlib.sha256(bytes(event.prev_hash) + text.encode()).digest()


def test_events_are_appended_to_many_chains_each_after_its_own_last_one(long_chain: str) -> None:
    short, new = audit.chain(factories.review()), audit.chain_of("review", uuid4())
    untouched = audit.chain(factories.review())

    audit.append({chain: Entry(KIND, SYSTEM, {"x": 1}) for chain in (long_chain, short, new)})

    lengths = [len(events(chain)) for chain in (long_chain, short, new, untouched)]
    assert lengths == [5, 2, 1, 1]
    assert [verify(chain) for chain in (long_chain, short, new)] == [[], [], []]


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


def test_a_log_line_names_the_row_and_the_actor_and_not_the_data(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    review, written = factories.review(), LogCapture()
    monkeypatch.setattr(audit, "log", structlog.wrap_logger(None, processors=[written]))

    factories.event(review, KIND, by=Actor(alice, Surface.WEB), data={"text": "secret"}, why="x")
    factories.event(review.queue, AuditKind.QUEUE_CHANGED, by=COMMAND_LINE)

    assert [
        {key: value for key, value in line.items() if key != "log_level"}
        for line in written.entries
    ] == [
        {
            "event": "review.claimed",
            "review": str(review.pk),
            "by": "alice@example.com",
            "surface": "web",
            "why": "x",
        },
        {
            "event": "queue.changed",
            "queue": "manual-review",
            "by": "system",
            "surface": "command",
        },
    ]


def test_the_trail_takes_what_reads_back_the_same() -> None:
    review = factories.review()
    data = {"a": None, "b": [True, -3, "x", {"c": []}], "d": {}}

    factories.event(review, KIND, by=SYSTEM, data=data)

    assert events(audit.chain(review))[-1].data == data
    assert ReviewTask.objects.count() == 1
