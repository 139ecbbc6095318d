"""What every page must keep to, on a desk and on a phone.

No finding of axe in light and in dark, and nothing wider than the window.
"""

from __future__ import annotations

from typing import Any

from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import SIZES, Scheme

AXE = Axe()
# Without its preload: axe would write the style sheets into the page again, for rules that are not run.
EVERYTHING: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
# The markup is the same in the dark: only the rules that look at colours can find something new.
COLOURS = EVERYTHING | {
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
}
# Colours change in transitions, and axe would measure one of the colours between.
AT_REST = "document.getAnimations().forEach(each => each.finish())"
# axe makes several objects of each colour that it reads, and reads the same ones thousands of times.
REMEMBER_COLOURS = """() => {
    const {prototype} = axe.commons.color.Color, read = prototype.parseString, known = new Map();
    prototype.parseString = function (text) {
        const found = known.get(text);
        if (found) return Object.assign(this, found);
        read.call(this, text);
        const {r, g, b, alpha} = this;
        known.set(text, {r, g, b, alpha});
        return this;
    };
}"""
RUN = "options => axe.run(document, options).then(({violations}) => ({violations}))"


def inspect(page: Page, path: str) -> None:
    """Open a page, open all of its folded parts, and check it."""
    page.goto(path)
    page.evaluate(
        "document.querySelectorAll('details:not([data-menu])').forEach(d => d.open = true)"
    )
    check(page, path)


def check(page: Page, what: str) -> None:
    """No finding of axe, nothing wider than the window, and nothing to be clicked too small."""
    schemes: dict[Scheme, dict[str, Any]] = {"light": EVERYTHING, "dark": COLOURS}
    for size in SIZES:
        page.set_viewport_size(size)
        for scheme, options in schemes.items():
            page.emulate_media(color_scheme=scheme)
            page.evaluate(AT_REST)
            found = findings(page, options)
            where = f"{what}, {size['width']} px, {scheme}"
            assert found.violations_count == 0, f"{where}: {found.generate_report()}"
        assert overflow(page) <= 0, f"{what} is wider than its window of {size['width']} px"
    page.set_viewport_size(SIZES[0])


def overflow(page: Page) -> int:
    """How many px a page is wider than its window."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return wider


def findings(page: Page, options: dict[str, Any]) -> AxeResults:
    """What axe finds on a page; its script is put into a page once."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.axe_script)
        page.evaluate(REMEMBER_COLOURS)
    return AxeResults(page.evaluate(RUN, options))
