"""Values of the output that are changed in the panel of an approval."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from approvals.models import Decision
from tests import factories
from tests.browser import world
from tests.browser.conftest import NewPage, sign_in

SCHEMA = {
    "properties": {
        "amount": {"type": "number", "title": "Amount to refund", "maximum": 500},
        "carrier": {"enum": ["dhl", "ups"]},
    }
}


@pytest.mark.parametrize("javascript", [True, False])
def test_an_approval_changes_a_value_after_one_refusal(new_page: NewPage, javascript: bool) -> None:
    queue = factories.queue(output_schema=SCHEMA)
    review = factories.review(queue, input={"amount": 12.5, "carrier": "ups"})
    page = new_page(width=375, javascript=javascript)
    ada = world.person("ada@example.com", "Ada Lovelace", "reviewer", queue)
    sign_in(page, ada.email)
    page.goto(f"/reviews/{review.pk}/")
    page.get_by_role("link", name="Approve").click()
    if javascript:
        expect(page.get_by_label("Note")).to_be_focused()
    page.get_by_text("Change values").click()
    amount, changes = page.get_by_label("Amount to refund"), page.locator("[data-changes] li")
    amount.fill("12.50")
    expect(changes).to_have_count(0)
    amount.fill("600")
    page.get_by_label("Carrier").select_option("dhl")
    if javascript:
        expect(changes).to_have_text(["Amount to refund 12.5 600 ", "Carrier ups dhl "])
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("600 is greater than the maximum of 500").first).to_be_visible()
    if javascript:
        expect(page.get_by_role("alert")).to_be_focused()
    expect(changes).to_have_count(2)
    amount.fill("20")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_label("Values changed with the approval")).to_contain_text("20")
    assert Decision.objects.get(review=review).edits == {"amount": 20, "carrier": "dhl"}
