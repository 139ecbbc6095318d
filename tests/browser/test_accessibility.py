"""The check of pages notices what it is there for."""

from __future__ import annotations

import pytest

from tests.browser.accessibility import inspect
from tests.browser.conftest import NewPage

PALE_IN_THE_DARK = """
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("@media (prefers-color-scheme: dark) { h1 { color: #333 !important } }");
    document.adoptedStyleSheets = [sheet];
"""


def test_a_colour_that_is_too_pale_in_the_dark_alone_is_found(new_page: NewPage) -> None:
    page = new_page()
    page.add_init_script(f"addEventListener('DOMContentLoaded', () => {{ {PALE_IN_THE_DARK} }})")

    with pytest.raises(AssertionError, match=r"dark: Found 1 accessibility violations"):
        inspect(page, "/accounts/login/")


def test_a_field_without_a_label_is_found(new_page: NewPage) -> None:
    page = new_page()
    unlabelled = "document.body.append(document.createElement('textarea'))"
    page.add_init_script(f"addEventListener('DOMContentLoaded', () => {unlabelled})")

    with pytest.raises(AssertionError, match="light: Found"):
        inspect(page, "/accounts/login/")
