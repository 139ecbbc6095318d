"""Reason codes on the desk: offered by outcome, chosen without JavaScript, kept when refused."""

from __future__ import annotations

import pytest

from approvals.models import Decision, ReviewQueue, User
from tests import factories
from tests.web.conftest import Desk
from tests.web.pages import at, hidden, text

pytestmark = pytest.mark.django_db

CODES = [
    {"code": "fraud", "label": "Fraud", "template": "Stolen card.", "outcomes": ["rejected"]},
    {"code": "other", "label": "Other", "outcomes": ["rejected", "approved"]},
]


@pytest.fixture(autouse=True)
def offering(queue: ReviewQueue) -> None:
    """The queue offers codes."""
    policy = {"reason_required_for": ["rejected"]}
    ReviewQueue.objects.update(reason_codes=CODES, policy=policy)


def test_the_panel_offers_the_codes_of_its_outcome_with_their_digits(
    desk: Desk, alice: User
) -> None:
    review, browser = factories.review(), desk(alice)
    rejecting = browser.get(at(review, "reject")).content.decode()
    approving = browser.get(at(review, "approve")).content.decode()
    assert 'value="fraud" data-template="Stolen card." data-key="1"' in rejecting
    assert 'value="other" data-template="" data-key="2"' in rejecting
    assert 'value="fraud"' not in approving
    assert 'value="other" data-template="" data-key="1"' in approving


def test_a_code_alone_is_a_reason(desk: Desk, alice: User) -> None:
    review, browser = factories.review(), desk(alice)
    form = hidden(browser.get(at(review, "reject")))
    refused = browser.post(at(review, "reject"), form)
    assert refused.status_code == 422
    assert "To reject in this queue, choose or write a reason." in refused.content.decode()
    assert browser.post(at(review, "reject"), form | {"reason_code": "fraud"}).status_code == 302
    decision = Decision.objects.get(review=review)
    assert (decision.reason_code, decision.reason) == ("fraud", "Stolen card.")
    assert "Reason code <code>fraud</code>" in text(desk, alice, review)


def test_the_choice_is_kept_when_the_decision_is_refused(desk: Desk, alice: User) -> None:
    review, browser = factories.review(), desk(alice)
    stale = hidden(browser.get(at(review, "reject"))) | {"reason_code": "fraud", "version": "9"}
    refused = browser.post(at(review, "reject"), stale)
    assert refused.status_code == 412
    assert 'data-key="1" aria-keyshortcuts="1" checked' in refused.content.decode()
