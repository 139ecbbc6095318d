"""HTML that is written in Python: its values are escaped as Django escapes them."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from approvals.web import markup

VALUES = (
    *("", "plain", "<i>&amp; \"a\" 'b'", "{0} {}", SafeString("<b>&</b>"), SafeString("")),
    *(5, -1.5, None, True, UUID(int=1), gettext_lazy("Yes & no"), ["<i>"]),
)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_is_written_as_format_html_writes_it(value: object) -> None:
    written = markup.filled('<p title="{}">{}</p>', value, "<")

    assert written == format_html('<p title="{}">{}</p>', value, "<")
    assert isinstance(written, SafeString)


def test_what_was_filled_in_is_not_escaped_again() -> None:
    inner = markup.filled("<b>{}</b>", "<")

    assert markup.filled("{}", inner) == "<b>&lt;</b>"
