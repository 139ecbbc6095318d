"""Task tokens: the bounds of their length, and what is refused whatever key it stands under."""

from __future__ import annotations

import pytest

from approvals.messages import task_tokens
from approvals.untrusted.strict_json import Unreadable


@pytest.mark.parametrize("token", ["t" * 16, "t" * 2048, "AQC+/=_-.:~!@#&*()[]|;,?" * 2])
def test_every_text_without_blanks_from_16_to_2048_characters_may_be_a_token(token: str) -> None:
    task_tokens.check(token, "taskToken")


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("t" * 15, "not_a_token"),
        ("t" * 2049, "token_too_long"),
        ("t" * 20 + "\u00e9", "not_a_token"),
        ("$" + "t" * 20, "no_token"),
        ("States.UUID()" + "t" * 20, "no_token"),
    ],
)
def test_a_refusal_names_the_key_under_which_the_text_stands(token: str, reason: str) -> None:
    with pytest.raises(Unreadable) as refused:
        task_tokens.check(token, "callback-id")

    assert refused.value.reason == reason
    assert "callback-id" in refused.value.explanation
