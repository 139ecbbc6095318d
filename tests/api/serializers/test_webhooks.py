"""The body of a webhook: a token or a review, and never a token in a refusal or a repr."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.api.serializers.webhooks import WebhookDecision
from tests.canary import CANARY

BODY = {"approved": True, "reviewer_email": "ada@example.com"}
AN_ID = "01a203be-dfa7-7a98-a842-c430dab4db4e"


@pytest.mark.parametrize("about", [{}, {"task_token": "t", "review_id": AN_ID}])
def test_exactly_one_of_token_and_review_is_named(about: dict[str, Any]) -> None:
    asked = WebhookDecision(data=BODY | about)

    assert not asked.is_valid()
    assert "Give either task_token or review_id." in str(asked.errors)


def test_a_name_that_is_none_is_not_repeated_for_it_may_be_a_token() -> None:
    asked = WebhookDecision(data=BODY | {CANARY: True})

    assert not asked.is_valid()
    assert "members other than task_token" in str(asked.errors)
    assert CANARY not in str(asked.errors)


def test_a_token_is_wrapped_so_that_no_traceback_shows_it() -> None:
    asked = WebhookDecision(data=BODY | {"task_token": CANARY})

    assert asked.is_valid()
    assert CANARY not in repr(asked.validated_data)
