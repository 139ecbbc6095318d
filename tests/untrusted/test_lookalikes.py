"""Letters that only look Latin, in addresses and links."""

from __future__ import annotations

import pytest

from approvals.untrusted.display import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("p\u0430ypal.com", "p⟨U+0430⟩ypal.com"),
        ("Pay at https://p\u0430ypal.com/login now", "Pay at https://p⟨U+0430⟩ypal.com/login now"),
        ("ada@ex\u0430mple.com", "ada@ex⟨U+0430⟩mple.com"),
        ("\u0430\u0440\u0440\u04cf\u0435.com", "⟨U+0430⟩⟨U+0440⟩⟨U+0440⟩⟨U+04CF⟩⟨U+0435⟩.com"),
        ("g\u03bf\u03bfgle.com", "g⟨U+03BF⟩⟨U+03BF⟩gle.com"),
    ],
)
def test_they_are_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        *("Иван Петров", "Ελένη Παπαδοπούλου", "почта.рф", "иван@почта.рф", "Москва, ул. Мира"),
        *("Привет. Hello.", "straße.de", "müller@example.de", "Zoë.Ångström", "価格.com", "и т.д."),
    ],
)
def test_names_sentences_and_addresses_of_one_script_are_left_alone(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # a family
        "\U0001f469\U0001f3fd\u200d\U0001f4bb",  # a person with a skin tone, at a computer
        "\U0001f3f3\ufe0f\u200d\U0001f308",  # a rainbow flag
        "\U0001f9d1\u200d\u2695\ufe0f",  # a health worker
        "می\u200cخواهم",  # noqa: RUF001 - Persian
        "क्\u200dष",  # Hindi
    ],
)
def test_joiners_stay_where_a_script_or_an_emoji_needs_them(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ad\u200dmin", "ad⟨U+200D⟩min"),
        ("\u200d", "⟨U+200D⟩"),
        ("a\u200c", "a⟨U+200C⟩"),
        ("\U0001f468\u200dx", "\U0001f468⟨U+200D⟩x"),
        ("\u200dم", "⟨U+200D⟩م"),
    ],
)
def test_joiners_that_join_nothing_are_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown
