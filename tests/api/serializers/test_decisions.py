"""A decision in an answer: by whom it was taken."""

from __future__ import annotations

from approvals.api.serializers.decisions import DecisionAnswer
from approvals.models import Decision, User


def test_a_decision_at_the_deadline_is_the_systems() -> None:
    assert DecisionAnswer(Decision(outcome="approved")).data["by"] == "system"


def test_a_persons_decision_has_their_address() -> None:
    decision = Decision(outcome="approved", by=User(email="ada@example.com"))

    assert DecisionAnswer(decision).data["by"] == "ada@example.com"
