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
        ("{{ task.token.of.this }}", "no_token"),
        ("<TASK_TOKEN_GOES_HERE>", "no_token"),
    ],
)
def test_a_refusal_names_the_key_under_which_the_text_stands(token: str, reason: str) -> None:
    with pytest.raises(Unreadable) as refused:
        task_tokens.check(token, "callback-id")

    assert refused.value.reason == reason
    assert "callback-id" in refused.value.explanation


def test_a_token_that_was_taken_out_is_recognised() -> None:
    with pytest.raises(Unreadable, match="stands for a token that was taken out"):
        task_tokens.check("[task token]", "taskToken")


def test_a_path_that_was_not_resolved_is_shown_by_its_beginning() -> None:
    with pytest.raises(Unreadable) as refused:
        task_tokens.check("$" + "t" * 40, "callback-id")

    assert f"'${'t' * 39}'" in refused.value.explanation


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ('"AQCEAAAAKgAAAAMAAAAAAAAAAc"', "stands in quotes"),
        ("'AQCEAAAAKgAAAAMAAAAAAAAAAc'", "stands in quotes"),
        ("AQCEAAAAKgAAAAMAAAAAAA\\/AAc", "backslash"),
        ("AQCEAAAAKgAAAAMAAAAAAA\\u003d\\u003d", "backslash"),
        ("AQCEAAAAKgAAAAMAAAAAAA&#x3D;&#x3D;", "escaped for HTML"),
        ("AQCEAAAAKgAAAAMAAAAAAA&amp;AA", "escaped for HTML"),
        ("arn:aws:states:us-east-1:123456789012:execution:a:b", "an ARN"),
        ("https://example.com/approve?taskToken=AQCEAAAAKgAAAAM", "a link"),
        ("taskToken:AQCEAAAAKgAAAAMAAAAAAAAAAc", "begins with the token's name"),
        ("AQCEAAAAKgAAAAMAAAAAAAAAAc...", "cut off"),
        ("*" * 30, "neither letters nor digits"),
    ],
)
def test_what_an_encoding_has_changed_is_no_token_any_more(token: str, words: str) -> None:
    with pytest.raises(Unreadable) as refused:
        task_tokens.check(token, "taskToken")

    assert refused.value.reason == "not_a_token"
    assert words in refused.value.explanation
    assert token[5:30] not in refused.value.explanation
