"""Text that a person has typed: stripped, bounded, and refused with the field it stands in."""

from __future__ import annotations

import pytest

from approvals.exceptions import Invalid
from approvals.untrusted import typed_text


def test_a_text_loses_the_blanks_around_it_and_those_do_not_count() -> None:
    assert typed_text.checked("  two words \n", field="reason", longest=9) == "two words"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("   ", "Say why."),
        ("x" * 1_001, "reason has at most 1,000 characters."),
        ("nul \0", "A text holds the NUL character."),
        ("half \ud800", "A text holds half of a surrogate pair."),
    ],
)
def test_what_is_no_text_to_keep_is_refused_with_its_field(text: str, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        typed_text.checked(text, field="reason", longest=1_000, required="Say why.")

    assert (refused.value.message, refused.value.extra) == (sentence, {"pointer": "/reason"})


def test_an_empty_text_is_one_where_none_is_required() -> None:
    assert typed_text.checked("  ", field="reason", longest=9) == ""
