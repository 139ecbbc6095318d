"""The filters of every template that take the place of Django's: the beginning of a text, at once."""

from __future__ import annotations

import pytest
from django.template import Context, Template
from django.template.defaultfilters import truncatechars as of_django


def rendered(source: str, **context: object) -> str:
    """What a template makes of these values, without loading any library."""
    return Template(source).render(Context(context))


@pytest.mark.parametrize(
    "text", ["", "a", "abcde", "abcdef", "é" * 9, "a <b>\n", "日本語のテキスト"]
)
def test_it_cuts_as_djangos_does(text: str) -> None:
    expected = rendered("{{ text }}", text=of_django(text, 5))

    assert rendered("{{ text|truncatechars:5 }}", text=text) == expected


def test_a_run_of_combining_characters_is_cut_at_its_end() -> None:
    text = "a" + "\u0301\u0316" * 40_000

    assert rendered("{{ text|truncatechars:5 }}", text=text) == "a\u0301\u0316\u0301…"


def test_a_slug_is_made_of_the_beginning_of_a_text() -> None:
    text = "A Title" + "\u0301\u0316" * 40_000

    assert rendered("{{ text|slugify }}", text=text) == "a-title"
