"""Refusals in plain words: who was first, who holds a review, and what the person can do about it."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from approvals.actors import Actor
from approvals.exceptions import (
    AlreadyDecided,
    AlreadySettled,
    ApprovalsError,
    ClaimedByAnother,
    DeadlinePassed,
    Invalid,
)
from approvals.models import User
from approvals.models.choices import Surface
from approvals.web.access import Access
from approvals.web.refusals import TEXTS, refusal_text


def of(email: str, zone: str) -> Access:
    """What somebody may see who has chosen this time zone."""
    access = Access(Actor(User(email=email), Surface.WEB))
    access.zone = ZoneInfo(zone)
    return access


ADA = of("ada@example.com", "Europe/Berlin")


def decided(by: str) -> AlreadyDecided:
    """The refusal of a decision that came after this one."""
    return AlreadyDecided(by=by, outcome="approved", decided_at="2026-01-01T09:30:00+00:00")


def test_who_was_faster_is_named_with_the_time() -> None:
    refusal = refusal_text(decided("bob@example.com"), ADA)

    assert refusal.title == "bob@example.com was faster"
    assert "bob@example.com approved it at 10:30:00 CET." in refusal.description


def test_a_decision_at_the_deadline_is_countersigns_own() -> None:
    assert refusal_text(decided("system"), ADA).title == "Countersign was faster"


def test_ones_own_earlier_decision_is_said_to_stand() -> None:
    refusal = refusal_text(decided("ada@example.com"), ADA)

    assert refusal.description == "You approved it at 10:30:00 CET."
    assert refusal.advice == "That decision stands."


def test_a_zone_without_a_short_name_is_named_by_its_distance_from_utc() -> None:
    far = of("ada@example.com", "America/Sao_Paulo")

    assert "at 06:30:00 UTC-03." in refusal_text(decided("bob@example.com"), far).description


def test_the_latest_time_of_a_snooze_is_in_the_persons_zone() -> None:
    late = Invalid("The deadline comes first.", latest="2026-07-01T22:15:00+00:00")

    refusal = refusal_text(late, ADA)

    assert (
        refusal.description == "The deadline comes first: Thu 2 Jul, 00:15:00 CEST is the latest."
    )


def test_a_review_that_closed_without_a_decision_has_its_status_named() -> None:
    refusal = refusal_text(AlreadyDecided(status="expired"), ADA)

    assert (refusal.title, refusal.description) == ("This review is closed", "It is expired.")


@pytest.mark.parametrize(
    ("holder", "title"),
    [
        ("bob@example.com", "bob@example.com has claimed this review"),
        ("ada@example.com", "Your claim has changed"),
        (None, "Your claim has run out"),
    ],
)
def test_a_claim_that_stands_in_the_way_names_its_holder(holder: str | None, title: str) -> None:
    assert refusal_text(ClaimedByAnother(assignee=holder), ADA).title == title


def test_the_errors_own_message_is_the_description_where_it_says_enough() -> None:
    refusal = refusal_text(DeadlinePassed("It closed at noon."), ADA)

    assert (refusal.title, refusal.description) == ("The deadline has passed", "It closed at noon.")


def test_an_error_without_words_of_its_own_is_shown_by_its_message() -> None:
    assert AlreadySettled.code not in TEXTS

    refusal = refusal_text(AlreadySettled(), ADA)

    assert refusal.title == "That was refused"
    assert refusal.description == AlreadySettled().message


def test_every_code_with_words_is_the_code_of_an_error() -> None:
    assert set(TEXTS) <= {kind.code for kind in ApprovalsError.__subclasses__()}
