"""HTML that is written in Python: rows of lists, and the widgets of forms."""

from __future__ import annotations

import html
from typing import Any

from django.utils.functional import Promise
from django.utils.safestring import SafeString

from approvals.untrusted import display


def filled(pattern: str, *values: Any) -> SafeString:
    """The pattern with these values escaped in its places, as Django's `format_html` makes it.

    In half its time: Django looks for texts that are translated later at each step, a page has 500 values.
    """
    return SafeString(pattern.format(*map(_escaped, values)))


def text(value: str) -> str:
    """A text as HTML, be it HTML already or not; it is not marked as such, because that takes time."""
    return value if isinstance(value, SafeString) else html.escape(value)


def beginning(untrusted: str, most: int) -> str:
    """The HTML of an untrusted text: what `plain` shows of it, cut to so many characters."""
    shown = display.visible(untrusted)
    return html.escape(shown if len(shown) <= most else f"{shown[: most - 1]}…")


def _escaped(value: Any) -> str:
    """A text as HTML: as it is if it says that it is HTML."""
    if isinstance(value, Promise):
        value = str(value)
    return value.__html__() if hasattr(value, "__html__") else html.escape(str(value))
