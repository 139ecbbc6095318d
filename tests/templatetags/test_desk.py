"""The template filters of the desk: untrusted text, the length of a step, a person's initials."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.template import Context, Template

from approvals.models import User
from approvals.web.execution_steps import Step

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def rendered(source: str, **context: object) -> str:
    """What a template of the desk makes of these values."""
    return Template("{% load desk %}" + source).render(Context(context))


def test_untrusted_text_is_written_out_and_escaped() -> None:
    assert rendered("{{ text|plain }}", text="a\u202eb <i>") == "a⟨U+202E⟩b &lt;i&gt;"


def test_no_text_is_an_empty_text() -> None:
    assert rendered("{{ text|plain }}", text=None) == ""


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.9, "took under a second"), (1, "took 1 s"), (720, "took 12 min")]
)
def test_a_step_lasted_one_rounded_unit(seconds: float, shown: str) -> None:
    step = Step(1, NOON, left_at=NOON + timedelta(seconds=seconds))

    assert rendered("{{ step|lasted }}", step=step) == shown


@pytest.mark.parametrize(
    ("user", "shown"),
    [
        (User(email="ada.lovelace@example.com", name="Grace Brewster Hopper"), "GB"),
        (User(email="ada.lovelace@example.com"), "AL"),
        (User(email="ada@example.com", name="Ada"), "A"),
        (User(email="ada@example.com", name="..."), "?"),
    ],
)
def test_a_person_has_two_letters(user: User, shown: str) -> None:
    assert rendered("{{ user|initials }}", user=user) == shown


def test_a_time_is_shown_from_now() -> None:
    shown = rendered("{% relative_time at now %}", at=NOON, now=NOON + timedelta(hours=3))

    assert ">3 h ago</time>" in shown


@pytest.mark.parametrize(
    "text",
    ["", "short", "x" * 10, "x" * 11, "é" * 11, "e\u0301" * 10, "a\u202eb", "<i>&" * 5, None],
)
def test_a_shortened_text_is_cut_as_what_is_written_out(text: str | None) -> None:
    shown = rendered("{{ text|shortened:10 }}", text=text)

    assert shown == rendered("{{ text|plain|truncatechars:10 }}", text=text)


@pytest.mark.parametrize(
    ("status", "shown"),
    [("approved", "Approved</span>"), ("unproved", "Unproved</span>"), ("<i>", "&lt;I&gt;</span>")],
)
def test_a_status_has_an_icon_and_its_name(status: str, shown: str) -> None:
    html = rendered("{% status_badge status %}", status=status)

    assert html.startswith('<span class="status status-')
    assert html.count("<svg") == 1
    assert html.endswith(shown)
