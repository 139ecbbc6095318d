"""Values of the output that are changed with an approval on the desk."""

from __future__ import annotations

import re
from typing import Any

import pytest

from approvals.models import Decision, ReviewQueue, ReviewTask, User
from tests import factories
from tests.web.conftest import Desk
from tests.web.pages import at, hidden, text

pytestmark = pytest.mark.django_db
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "amount": {"type": "number", "title": "Amount to refund", "maximum": 500},
        "note": {"type": "string", "maxLength": 5},
        "ship_on": {"type": "string", "format": "date"},
        "carrier": {"enum": ["dhl", None]},
        "rows": {"type": "object"},
    },
}
INPUT = {"amount": 12.5, "note": "too long\r\nfor it", "ship_on": "soon", "carrier": "dhl"}
LEFT = {
    "edit-amount": "12.5",
    "edit-note": "too long\r\nfor it",
    "edit-ship_on": "soon",
    "edit-carrier": '"dhl"',
    "edit-rows": "",
}


@pytest.fixture
def review(queue: ReviewQueue) -> ReviewTask:
    """A review of a queue that takes edits."""
    return factories.review(factories.queue(output_schema=SCHEMA), input=INPUT)


def approve(desk: Desk, user: User, review: ReviewTask, **fields: str) -> Any:
    """Open the form of the approval, change these fields, and submit it."""
    browser = desk(user)
    form = hidden(browser.get(at(review, "approve")))
    return browser.post(at(review, "approve"), form | fields)


def test_the_form_shows_the_present_value_beside_each_field(
    desk: Desk, alice: User, review: ReviewTask
) -> None:
    html = desk(alice).get(at(review, "approve")).content.decode()
    assert re.search(r"Amount to refund</label>\s*<p class=\"hint\">Now: <bdi>12.5</bdi>", html)
    assert "not in the message" in html
    assert "Change values" not in desk(alice).get(at(review, "reject")).content.decode()


def test_a_queue_without_a_schema_offers_no_edits(desk: Desk, alice: User) -> None:
    html = desk(alice).get(at(factories.review(), "approve")).content.decode()
    assert "Change values" not in html


def test_what_was_changed_is_decided_and_shown_afterwards(
    desk: Desk, alice: User, review: ReviewTask
) -> None:
    changes = {"edit-amount": "13", "edit-carrier": "null"}
    assert approve(desk, alice, review, **LEFT | changes).status_code == 302
    assert Decision.objects.get(review=review).edits == {"amount": 13, "carrier": None}
    assert "<dt>Amount</dt><dd><ins>13</ins></dd>" in text(desk, alice, review)


@pytest.mark.parametrize("fields", [LEFT, {}])
def test_values_that_were_left_are_no_edits_whatever_they_are(
    desk: Desk, alice: User, review: ReviewTask, fields: dict[str, str]
) -> None:
    assert approve(desk, alice, review, **fields).status_code == 302
    assert Decision.objects.get(review=review).edits == {}


@pytest.mark.parametrize(
    ("typed", "says"), [("12,50", "Not a number"), ("501", "501 is greater than the maximum")]
)
def test_a_refused_value_is_kept_with_the_error_and_the_list_of_changes(
    desk: Desk, alice: User, review: ReviewTask, typed: str, says: str
) -> None:
    response = approve(desk, alice, review, **LEFT | {"edit-amount": typed, "reason": "Cheaper"})
    html = response.content.decode()
    assert response.status_code == 422
    assert f'value="{typed}"' in html
    assert re.search(f'class="fielderror"[^>]*>{says}', html)
    assert f"<del>12.5</del> <ins>{typed}</ins>" in html
    assert "Cheaper</textarea>" in html
    assert '<details class="changing" open>' in html
    assert not Decision.objects.exists()
