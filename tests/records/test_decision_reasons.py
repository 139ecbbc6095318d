"""The reason of a decision: codes that the queue offers, their templates, and what is asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from approvals.actions import decisions, queues
from approvals.actions.decisions import DecisionRequest
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid
from approvals.models import AuditEvent, Decision, ReviewQueue, User, Vote
from approvals.models.choices import Outcome
from tests import factories
from tests.factories import actor

pytestmark = pytest.mark.django_db

CODES = [
    {"code": "fraud", "label": "Fraud", "template": "Stolen card.", "outcomes": ["rejected"]},
    {"code": "known", "label": "Known customer", "outcomes": ["approved"]},
]


@pytest.fixture
def offering(queue: ReviewQueue) -> ReviewQueue:
    """The queue offers codes, and asks for a reason for rejections."""
    policy = {"reason_required_for": ["rejected"]}
    settings = {"reason_codes": CODES, "policy": policy}
    return queues.save(queue.slug, settings, by=COMMAND_LINE)[0]


def decide(outcome: str, by: User, **fields: Any) -> Decision:
    """The decision on a new review."""
    review, request = factories.review(), DecisionRequest(**fields)
    made = decisions.decide(review.pk, Outcome(outcome), by=actor(by), request=request).decision
    assert made is not None
    return made


def test_a_code_brings_its_template_or_its_label(offering: ReviewQueue, alice: User) -> None:
    rejected = decide("rejected", alice, reason_code="fraud")
    approved = decide("approved", alice, reason_code="known")

    assert (rejected.reason_code, rejected.reason) == ("fraud", "Stolen card.")
    assert (approved.reason_code, approved.reason) == ("known", "Known customer")
    vote = Vote.objects.get(review=rejected.review)
    assert (vote.reason_code, vote.reason) == ("fraud", "Stolen card.")
    event = AuditEvent.objects.get(kind="review.rejected")
    assert (event.data["reason_code"], event.data["reason"]) == ("fraud", "Stolen card.")


def test_a_text_of_ones_own_stands_beside_the_code(offering: ReviewQueue, alice: User) -> None:
    decision = decide("rejected", alice, reason_code="fraud", reason="Called the bank.")

    assert (decision.reason_code, decision.reason) == ("fraud", "Called the bank.")


def test_the_code_reaches_step_functions_in_the_output_and_in_the_cause(
    offering: ReviewQueue, alice: User
) -> None:
    rejected = decide("rejected", alice, reason_code="fraud")
    approved = decide("approved", alice, reason_code="known")

    failure, success = (json.loads(bytes(each.callback)) for each in (rejected, approved))
    assert failure["cause"] == (
        f"Rejected by alice@example.com: Stolen card. [reason_code fraud] [decision {rejected.pk}]"
    )
    assert json.loads(success["output"])["reason_code"] == "known"


@pytest.mark.parametrize(("outcome", "code"), [("rejected", "known"), ("approved", "other")])
def test_a_code_that_is_not_offered_for_the_outcome_is_refused_and_the_others_named(
    offering: ReviewQueue, alice: User, outcome: str, code: str
) -> None:
    with pytest.raises(Invalid, match=r"are: (fraud|known)") as refused:
        decide(outcome, alice, reason_code=code)

    assert refused.value.extra["pointer"] == "/reason_code"
    assert not Decision.objects.exists()


def test_where_a_reason_is_asked_for_a_code_or_a_text_is_one(
    offering: ReviewQueue, alice: User
) -> None:
    with pytest.raises(Invalid, match="write a reason"):
        decide("rejected", alice)

    assert decide("rejected", alice, reason="No.").reason_code == ""
    assert decide("approved", alice).reason == ""


def test_a_queue_that_offers_no_codes_takes_any(queue: ReviewQueue, alice: User) -> None:
    decision = decide("rejected", alice, reason_code="their-own")

    assert (decision.reason_code, decision.reason) == ("their-own", "")


@pytest.mark.parametrize(
    "codes",
    [
        [{"code": "a b", "label": "x", "outcomes": ["rejected"]}],
        [{"code": "a", "label": "x", "outcomes": []}],
        [{"code": "a", "label": "x", "outcomes": ["rejected"]}] * 2,
        [{"code": "a", "outcomes": ["rejected"]}],
        {"code": "a"},
    ],
)
def test_codes_that_nobody_could_choose_are_refused(queue: ReviewQueue, codes: Any) -> None:
    with pytest.raises(Invalid):
        queues.save(queue.slug, {"reason_codes": codes}, by=COMMAND_LINE)
