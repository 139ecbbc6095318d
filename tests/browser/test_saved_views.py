"""A saved view in two browsers: a lead shares it, a reviewer uses it, the lead takes it back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.browser import world
from tests.browser.accessibility import EVERYTHING, findings, overflow
from tests.browser.conftest import NewPage, sign_in, unfold

LIST = "/queues/manual-review/"


def save(page: Page, name: str, *, shared: bool = False) -> None:
    """Save the list's filters as a view, for everybody if `shared`."""
    unfold(page)
    page.get_by_text("Save this view").click()
    page.get_by_label("Name of the view").fill(name)
    if shared:
        page.get_by_label("Share it with everybody").check()
    page.get_by_role("button", name="Save", exact=True).click()


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize("width", [1280, 375])
def test_a_view_is_shared_used_and_revoked(new_page: NewPage, width: int, javascript: bool) -> None:
    queue = factories.queue()
    lead = world.person("lead@example.com", "Lena Lead", "lead", queue)
    ada = world.person("ada@example.com", "Ada Lovelace", "reviewer", queue)
    for number, error in enumerate(["Fraud", "Fraud", "Stock"]):
        factories.review(queue, orderId=f"V-{number}", error={"Error": error})
    hers = new_page(width=width, javascript=javascript)
    sign_in(hers, lead.email)
    hers.goto(f"{LIST}?error=Fraud")
    save(hers, "Fraud <first>", shared=True)
    expect(hers.get_by_text("The view Fraud <first> is shared with Manual review.")).to_be_visible()

    page = new_page(width=width, javascript=javascript)
    sign_in(page, ada.email)
    view = page.get_by_role("link", name="Fraud <first>")  # on the first page
    if javascript:
        expect(view).to_contain_text("2 reviews")
    view.click()
    expect(page.locator("a.serial")).to_have_text(["V-0", "V-1"])
    expect(view).to_have_attribute("aria-current", "page")
    expect(page.get_by_role("button", name="Stop sharing")).to_have_count(0)
    bookmark = view.get_attribute("href")
    assert bookmark is not None
    if javascript:
        found = findings(page, EVERYTHING)
        assert found.violations_count == 0, found.generate_report()
        assert overflow(page) <= 0

    unfold(hers)
    hers.get_by_text("Save this view").click()
    hers.get_by_role("button", name="Stop sharing Fraud <first>").click()
    expect(hers.get_by_text("The view Fraud <first> is no longer shared.")).to_be_visible()

    page.goto(bookmark)
    expect(page.get_by_role("heading", name="This view is no longer shared")).to_be_visible()
    expect(page.get_by_text("Lena Lead stopped sharing")).to_be_visible()
    page.get_by_role("link", name="Its filter").click()
    expect(page.locator("a.serial")).to_have_text(["V-0", "V-1"])
    expect(view).to_have_count(0)
    save(page, "Mine")
    expect(page.get_by_role("link", name="Mine")).to_have_attribute("aria-current", "page")
