"""The payload of a callback: what an approval and a rejection send, and the limits of Step Functions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from approvals.actions import decisions, queues
from approvals.actions.decisions import DecisionRequest
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid
from approvals.models import Decision, OutboxEntry, User
from approvals.models.choices import Outcome
from approvals.records import callback_payloads
from approvals.records.callback_payloads import Failure, Success
from tests import factories
from tests.factories import actor

pytestmark = pytest.mark.django_db

KEYS = [
    "decision", "approved", "reviewer", "approved_at", "decided_at", "decision_id", "reason",
    "reason_code", "edits",
]  # fmt: skip


def decide(outcome: str, by: User, **fields: Any) -> Decision:
    review, request = factories.review(), DecisionRequest(**fields)
    return decisions.decide(review.pk, Outcome(outcome), by=actor(by), request=request).decision


def said(decision: Decision) -> dict[str, Any]:
    """The output that leaves, read as Step Functions reads it."""
    call = json.loads(bytes(decision.callback))
    assert list(call) == ["output"]
    output: dict[str, Any] = json.loads(call["output"])
    assert list(output) == KEYS
    return output


def test_an_approval_says_everything_and_every_key_is_there(alice: User) -> None:
    decision = decide("approved", alice)

    at = decision.decided_at.isoformat()
    assert said(decision) == {
        "decision": "approved",
        "approved": True,
        "reviewer": "alice@example.com",
        "approved_at": at,
        "decided_at": at,
        "decision_id": str(decision.pk),
        "reason": "",
        "reason_code": "",
        "edits": {},
    }


def test_a_rejection_as_result_is_an_output_to_choose_on(alice: User) -> None:
    queues.save("manual-review", {"reject_as": "result"}, by=COMMAND_LINE)

    decision = decide("rejected", alice, reason="Grüße 🙂", reason_code="fraud")

    output = said(decision)
    assert (output["decision"], output["approved"], output["approved_at"]) == (
        "rejected",
        False,
        None,
    )
    assert (output["reason"], output["reason_code"]) == ("Grüße 🙂", "fraud")
    assert output["decided_at"] == decision.decided_at.isoformat()


@pytest.mark.parametrize(("reason", "words"), [("", "No reason given"), ("Too risky", "Too risky")])
def test_a_rejection_as_failure_names_error_reviewer_reason_and_decision(
    reason: str, words: str, alice: User
) -> None:
    queues.save("manual-review", {"error_name": "Orders.Refused"}, by=COMMAND_LINE)

    decision = decide("rejected", alice, reason=reason)

    assert json.loads(bytes(decision.callback)) == {
        "error": "Orders.Refused",
        "cause": f"Rejected by alice@example.com: {words} [decision {decision.pk}]",
    }


@pytest.mark.parametrize("letter", ["x", "é", "🙂", '"'])
def test_a_long_cause_is_shortened_in_the_reason_alone(letter: str, alice: User) -> None:
    decision = decide("rejected", alice, reason=letter * 32_768)

    call = callback_payloads.thaw(bytes(decision.callback))
    assert isinstance(call, Failure)
    cause = call.cause
    assert len(cause) == 32_768
    assert cause.startswith(f"Rejected by alice@example.com: {letter * 100}")
    assert cause.endswith(f"{letter}… [decision {decision.pk}]")


def test_an_output_step_functions_would_not_take_is_invalid_and_nothing_is_written(
    alice: User,
) -> None:
    queues.save("manual-review", {"output_schema": {"type": "object"}}, by=COMMAND_LINE)

    with pytest.raises(Invalid) as refused:
        decide("approved", alice, edits={"note": "é" * 131_072})

    assert refused.value.extra == {"pointer": "/edits"}
    assert (Decision.objects.count(), OutboxEntry.objects.count()) == (0, 0)


def test_the_longest_reason_of_the_worst_characters_still_fits(alice: User) -> None:
    decision = decide("approved", alice, reason="\x01" * 32_768, reason_code="\x02" * 64)

    call = callback_payloads.thaw(bytes(decision.callback))
    assert isinstance(call, Success)
    assert len(call.output.encode()) <= callback_payloads.MAX_OUTPUT_BYTES
