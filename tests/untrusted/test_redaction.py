"""Redaction: task tokens in other spellings, and in what people write about a review."""

from __future__ import annotations

import json

import pytest

from approvals.actions import decisions, discussion
from approvals.models import Comment, Decision, User
from approvals.models.choices import Outcome
from approvals.untrusted import redaction
from tests import factories
from tests.factories import actor

TOKEN = "AQCEAAAAKgAAAAMAAAAA" + "Abc+/deFGH12" * 40 + "=="
SPELT = TOKEN.replace("/", "\\/").replace("+", "\\u002B")


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"taskToken": TOKEN, "orderId": "1", "error": {"Cause": SPELT}}),
        json.dumps({"taskToken": TOKEN, "orderId": "1", "note": f"call {TOKEN} failed"}),
        json.dumps({"taskToken": TOKEN, TOKEN: 1}),
        json.dumps({"taskToken": TOKEN})[:-1],  # cannot be read
        '{"cut": "' + SPELT,
        f"no JSON at all: {SPELT}",
    ],
)
def test_no_part_of_a_token_is_shown_however_its_message_spells_it(body: str) -> None:
    shown = redaction.redacted_body(body)
    plain = shown.replace("\\\\", "\\").replace("\\/", "/").replace("\\u002B", "+")
    assert not any(TOKEN[i : i + 12] in plain for i in range(len(TOKEN) - 12))
    assert redaction.PLACEHOLDER in shown


@pytest.mark.django_db
@pytest.mark.parametrize("around", ["{}", "call for {} failed", "token={}.", "({}):"])
def test_a_token_in_a_reason_or_a_comment_is_redacted(around: str, alice: User) -> None:
    review = factories.review(taskToken=TOKEN)
    text = around.format(TOKEN)
    discussion.comment(review.pk, text, by=actor(alice, "api"))
    ruling = decisions.DecisionRequest(reason=text, undo_seconds=0)
    decisions.decide(review.pk, Outcome.REJECTED, by=actor(alice, "api"), request=ruling)
    decision = Decision.objects.get()
    for kept in (Comment.objects.get().text, decision.reason, bytes(decision.callback).decode()):
        assert TOKEN not in kept
        assert redaction.PLACEHOLDER in kept


@pytest.mark.django_db
def test_what_merely_looks_like_a_token_stays_as_it_was_written(alice: User) -> None:
    review = factories.review(taskToken=TOKEN)
    text = "See https://wiki.example.com/orders/how-to-reject-politely-and-quickly."
    discussion.comment(review.pk, text, by=actor(alice, "api"))
    assert Comment.objects.get().text == text
