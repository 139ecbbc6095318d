"""Every filter with which a template shows a value takes time that grows with the text alone.

The filters are found in the templates, so that a new one is measured as soon as it is used.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.template import Context, Template

from tests.paths import ROOT

TEMPLATES = sorted(
    path
    for folder in (ROOT / "approvals").rglob("templates")
    for path in folder.rglob("*")
    if path.is_file()
)
SMALL = 8_192  # characters; at four times as many, a quadratic filter takes sixteen times as long
SLOWER = 10.0  # times, for four times the text: linear work takes four times
QUICK = 0.02  # seconds, below which a time says nothing
# What a filter is given by a template where it is no text.
NEEDS = {
    "add": "a number",
    "admin_urlname": "a model",
    "date": "a time",
    "initials": "a person",
    "lasted": "a step",
    "listed": "a field",
    "timesince": "a time",
}
ATTACKS: dict[str, Callable[[int], str]] = {
    "combining": lambda size: "a" + "\u0301\u0316" * (size // 2),
    "plain": lambda size: "a" * size,
    "blanks": lambda size: " " * size,
    "lines": lambda size: "a\n" * (size // 2),
    "markup": lambda size: "<" * size,
    "entities": lambda size: "&amp" * (size // 4),
    "addresses": lambda size: "a@" * (size // 2),
    "links": lambda size: "http://" * (size // 7),
    "brackets": lambda size: "(" * size,
    "invisible": lambda size: "\u202e" * size,
    "lookalikes": lambda size: "\u0430." * (size // 2),
    "joiners": lambda size: "\u200d" * size,
    "Hangul": lambda size: "\u1100\u1161" * (size // 2),
}


def filters() -> dict[str, str]:
    """Each filter that a template uses, with how it is written there first, such as `truncatechars:40`."""
    found: dict[str, str] = {}
    for path in TEMPLATES:
        for tag in re.findall(r"\{[{%][^{}]*[%}]\}", path.read_text()):
            for written in re.findall(r"\|((\w+)(?::(?:\"[^\"]*\"|\d+))?)", tag):
                found.setdefault(written[1], written[0])
    return found


FILTERS = filters()


def test_the_filters_of_the_templates_are_found() -> None:
    assert {"plain", "truncatechars", "linked", "default", "slice"} <= set(FILTERS)


@pytest.mark.parametrize("name", sorted(FILTERS.keys() - NEEDS.keys()))
def test_four_times_the_text_takes_a_filter_about_four_times_the_time(name: str) -> None:
    template = Template("{% load desk %}{% load i18n static %}{{ text|" + FILTERS[name] + " }}")
    for attacked, attack in ATTACKS.items():
        assert grows_with_its_text(template, attack), attacked


def grows_with_its_text(template: Template, attack: Callable[[int], str]) -> bool:
    """Whether four times the text takes at most SLOWER times as long; tried again, as others use the machine."""
    small, large = attack(SMALL), attack(4 * SMALL)
    least = [float("inf"), float("inf")]
    for _ in range(5):
        least = [
            min(before, seconds(template, text))
            for before, text in zip(least, (small, large), strict=True)
        ]
        if least[1] <= SLOWER * least[0] + QUICK:
            return True
    return False


def seconds(template: Template, text: str) -> float:
    """The processor time of showing a text."""
    context: Any = Context({"text": text})
    began = time.process_time()
    template.render(context)
    return time.process_time() - began
