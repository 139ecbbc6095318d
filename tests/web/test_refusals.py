"""Refusals in plain words: who was first, who holds a review, and what the person can do about it."""

from __future__ import annotations

import pytest

from approvals.actors import Actor
from approvals.exceptions import (
    AlreadyDecided,
    AlreadySettled,
    ApprovalsError,
    ClaimedByAnother,
    DeadlinePassed,
)
from approvals.models import User
from approvals.models.choices import Surface
from approvals.web.refusals import TEXTS, refusal_text

ADA = Actor(User(email="ada@example.com"), Surface.WEB)


def decided(by: str) -> AlreadyDecided:
    """The refusal of a decision that came after this one."""
    return AlreadyDecided(by=by, outcome="approved", decided_at="2026-01-01T09:30:00+00:00")


def test_who_was_faster_is_named_with_the_time() -> None:
    refusal = refusal_text(decided("bob@example.com"), ADA)

    assert refusal.title == "bob@example.com was faster"
    assert "bob@example.com approved it at 09:30:00 UTC." in refusal.description


def test_a_decision_at_the_deadline_is_countersigns_own() -> None:
    assert refusal_text(decided("system"), ADA).title == "Countersign was faster"


def test_ones_own_earlier_decision_is_said_to_stand() -> None:
    refusal = refusal_text(decided("ada@example.com"), ADA)

    assert refusal.description == "You approved it at 09:30:00 UTC."
    assert refusal.advice == "That decision stands."


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
