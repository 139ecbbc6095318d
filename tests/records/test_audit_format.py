"""The audit trail's format: what a hash covers to the byte, and which places of a broken chain are named."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import uuid4

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import LogCapture

from approvals.actors import COMMAND_LINE, SYSTEM, Actor
from approvals.models import AuditEvent, ReviewTask, User
from approvals.models.choices import Surface
from approvals.records import audit, compact_json
from approvals.records.audit import Entry
from approvals.records.audit_kinds import AuditKind
from approvals.records.audit_verification import verify
from tests import factories

pytestmark = pytest.mark.django_db

KIND = AuditKind.REVIEW_CLAIMED
TEXT = st.text(st.characters(codec="utf-8"))
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def events(chain: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(chain=chain).order_by("seq"))


@pytest.fixture
def long_chain() -> str:
    """The chain of a review with four events."""
    review = factories.review()
    for number in range(3):
        factories.event(review, KIND, by=SYSTEM, data={"number": number})
    return audit.chain(review)


@pytest.fixture
def first_format(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events are recorded as by the releases up to 0.3.0."""
    monkeypatch.setattr(audit, "FORMAT", 1)


@pytest.mark.usefixtures("first_format")
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


@pytest.mark.parametrize("number", [1, 2])
def test_an_event_of_the_system_has_no_actor_in_its_hash(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = factories.review()
    monkeypatch.setattr(audit, "FORMAT", number)
    event = factories.event(review, KIND, by=SYSTEM)

    content = {
        "actor": None, "actor_name": "system", "at": event.at.isoformat(timespec="microseconds"),
        "chain": f"review:{review.pk}", "data": {}, "format": number, "kind": "review.claimed",
        "on_behalf_of": None, "seq": 2, "surface": "system",
    }  # fmt: skip
    text = json.dumps(content, separators=(",", ":"))
    assert bytes(event.hash) == hashlib.sha256(bytes(event.prev_hash) + text.encode()).digest()


def test_events_are_appended_to_many_chains_each_after_its_own_last_one(long_chain: str) -> None:
    short, new = audit.chain(factories.review()), audit.chain_of("order", uuid4())
    untouched = audit.chain(factories.review())

    audit.append({chain: Entry(KIND, SYSTEM, {"x": 1}) for chain in (long_chain, short, new)})

    lengths = [len(events(chain)) for chain in (long_chain, short, new, untouched)]
    assert lengths == [5, 2, 1, 1]
    assert [verify(chain) for chain in (long_chain, short, new)] == [[], [], []]


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


def test_new_events_have_the_format_in_which_values_can_be_erased(alice: User) -> None:
    review = factories.review()

    factories.event(review, KIND, by=Actor(alice, Surface.WEB))

    [*_, last] = events(audit.chain(review))
    assert last.format == 2
    assert last.salts, "one for the actor's name"


def test_the_trail_takes_what_reads_back_the_same() -> None:
    review = factories.review()
    data = {"a": None, "b": [True, -3, "x", {"c": []}], "d": {}}

    factories.event(review, KIND, by=SYSTEM, data=data)

    assert events(audit.chain(review))[-1].data == data
    assert ReviewTask.objects.count() == 1


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(TEXT, DATA, max_size=4))
def test_data_is_hashed_as_pythons_own_encoder_writes_it(data: dict[str, Any]) -> None:
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    assert compact_json.compact(data) == text


@pytest.mark.parametrize(
    "value", [2**64, -(2**63) - 1, 10**40, [[[[2**70]]]]], ids=["2**64", "-2**63-1", "1e40", "deep"]
)
def test_whole_numbers_of_any_size_are_verified_as_they_were_recorded(value: Any) -> None:
    review = factories.review()

    factories.event(review, KIND, by=SYSTEM, data={"value": value})

    assert verify(audit.chain(review)) == []


def test_data_of_any_depth_is_verified_as_it_was_recorded() -> None:
    review, nested = factories.review(), "innermost"
    for _ in range(400):
        nested = [nested]  # type: ignore[assignment]

    factories.event(review, KIND, by=SYSTEM, data={"value": nested})

    assert verify(audit.chain(review)) == []
