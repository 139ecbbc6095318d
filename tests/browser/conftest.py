"""Debian's Chromium, one context a test; a page that breaks the CSP or logs an error fails its test."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)
from pytest_django.live_server_helper import LiveServer

from approvals.models import User
from tests import factories

# The headless shell takes a quarter less of the processor than the whole browser.
BROWSERS = (Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium"))
MISSING = "browser tests need Debian's Chromium: apt-get install chromium-headless-shell"
# Chromium logs an error for every answer of 400 and above; tests expect pages with these.
EXPECTED = re.compile(r"status of (403|404|409|410|412|422)\b")

# No page lives long enough to earn back what compiling axe's functions to fast code costs.
ARGUMENTS = (
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--js-flags=--no-opt --no-maglev --min-semi-space-size=64",
)

HOST = "localhost"  # of pytest-django's live server
PATIENCE = 60_000  # ms that a condition is waited for: a machine may be busy with other tests

Scheme = Literal["light", "dark"]
NewPage = Callable[..., Page]
DESK: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 375, "height": 812}
SIZES = (DESK, PHONE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this package drives a browser and sees what a server thread has committed."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for all tests of this package.

    Playwright's event loop runs in this very thread, which makes Django believe that it is called from
    asynchronous code. It is not: the loop only turns inside Playwright's own calls.
    """
    chromium = next((path for path in BROWSERS if path.exists()), None)
    if chromium is None:
        pytest.fail(MISSING, pytrace=False)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        started = playwright.chromium.launch(executable_path=str(chromium), args=ARGUMENTS)
        expect.set_options(timeout=PATIENCE)
        yield started
        started.close()


@pytest.fixture
def new_page(browser: Browser, live_server: LiveServer) -> Iterator[NewPage]:
    """Makes pages: `new_page(width=375, scheme="dark", javascript=False)`; each has its own cookies."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not EXPECTED.search(message.text):
            complaints.append(message.text)

    def make(
        width: int = 1280,
        scheme: Scheme = "light",
        javascript: bool = True,
        offline_errors: bool = False,
    ) -> Page:
        context = browser.new_context(
            base_url=live_server.url,
            viewport=DESK if width == DESK["width"] else PHONE,
            color_scheme=scheme,
            java_script_enabled=javascript,
            reduced_motion="reduce",
            locale="en-GB",
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        if not offline_errors:  # Chromium and htmx log each request that fails
            page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


def unfold(page: Page) -> None:
    """Show a list's filters and tools, which a phone folds."""
    fold = page.get_by_text("Filters and tools")
    if fold.is_visible():
        fold.click()


def sign_in(page: Page, email: str) -> None:
    """Open the first page as somebody who has signed in; without the form, whose pages take a second."""
    session = Client()
    session.force_login(User.objects.get(email=email))
    name = settings.SESSION_COOKIE_NAME
    value = session.cookies[name].value
    page.context.add_cookies([{"name": name, "value": value, "domain": HOST, "path": "/"}])
    page.goto("/")


def sign_in_by_form(page: Page, email: str) -> None:
    """Sign in through the form, as a person does."""
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")


def arrived_at(page: Page, heading: str) -> None:
    """Wait until a page with this heading is whole: a key that is pressed now finds what it does."""
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    page.wait_for_load_state()
    page.wait_for_function("!document.querySelector('.htmx-swapping, .htmx-settling')")
