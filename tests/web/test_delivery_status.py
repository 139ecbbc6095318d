"""What the desk shows of a decision's delivery: every state in words, and the fragment that follows it."""

from __future__ import annotations

import re

import pytest

from approvals.actions import decisions, escalation
from approvals.gateways.errors import Answer, Proof
from approvals.models import OutboxEntry, User
from approvals.models.choices import Outcome
from approvals.web.access import Access
from approvals.web.delivery_descriptions import BY_DETAIL
from approvals.web.delivery_status import delivery_status
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.deliveries import settle
from tests.web.pages import at, text

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.mark.parametrize(
    ("answers", "label"),
    [
        ([Answer(Proof.ACCEPTED)], "Delivered"),
        ([Answer(Proof.THROTTLED, "ThrottlingException")], "Trying again"),
        ([Answer(Proof.AMBIGUOUS, "ReadTimeoutError")], "Trying again"),
        ([Answer(Proof.CLOSED, "TaskTimedOut")], "Unconfirmed"),
        ([Answer(Proof.INVALID_TOKEN, "InvalidToken")], "Needs an operator"),
        ([Answer(Proof.INVALID_OUTPUT, "InvalidOutput")], "Needs an operator"),
        ([Answer(Proof.NOT_SENT, "EndpointConnectionError"), Answer(Proof.ACCEPTED)], "Delivered"),
    ],
)
def test_the_page_shows_what_became_of_the_decision(
    desk: Desk, alice: User, answers: list[Answer], label: str
) -> None:
    review = factories.review()
    decisions.decide(
        review.pk,
        Outcome.APPROVED,
        by=actor(alice),
        request=decisions.DecisionRequest(undo_seconds=0),
    )
    settle(review, *answers)
    html = text(desk, alice, review)
    heading = re.search(r'<h2 class="told[^>]*>.*?</svg> ([^<]+)</h2>', html, re.DOTALL)
    assert heading is not None
    assert heading[1] == label
    assert ('hx-trigger="every 2s"' in html) == (label == "Trying again")
    assert (f"{len(answers)} attempts." in html) == (len(answers) > 1)


def test_every_outbox_state_with_its_details_has_words(alice: User) -> None:
    review = factories.review()
    review = decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))
    decision = review.decision
    assert decision is not None
    states = {
        "waiting": ("undo_window", "queued", "retrying", "breaker_open"),
        "sending": ("queued",),
        "settled": (
            *("acknowledged", "proved_by_history"),
            *("expired", "aborted", "execution_ended", "other_party"),
        ),
        "parked": (
            *("no_execution_arn", "history_unreadable", "history_gone"),
            *("invalid_token", "invalid_output", "access_denied", "key_missing"),
        ),
        "cancelled": ("undone",),
    }
    for state, details in states.items():
        for detail in details:
            entry = OutboxEntry(
                state=state, detail=detail, subject=decision.pk, not_before=decision.undo_until
            )
            shown = delivery_status(decision, entry, Access(actor(alice)), decision.decided_at)
            known = shown.state == "sending" or (shown.state, shown.detail) in BY_DETAIL
            assert known, (state, detail)
            assert shown.description
            assert shown.stages
            assert shown.is_final == (state in ("settled", "parked", "cancelled"))


def test_without_an_outbox_row_nothing_is_called_delivered(alice: User) -> None:
    review = decisions.decide(factories.review().pk, Outcome.APPROVED, by=actor(alice))
    assert review.decision is not None
    shown = delivery_status(review.decision, None, Access(actor(alice)), review.decision.decided_at)
    assert shown.state == "unconfirmed"


def test_the_fragment_is_empty_until_something_changes(desk: Desk, alice: User) -> None:
    review, browser = factories.review(), desk(alice)
    decisions.decide(
        review.pk,
        Outcome.APPROVED,
        by=actor(alice),
        request=decisions.DecisionRequest(undo_seconds=0),
    )
    page = browser.get(at(review)).content.decode()
    polled = re.search(r'hx-get="([^"]+/delivery/[^"]+)"', page)
    assert polled is not None
    assert browser.get(polled[1], headers=HTMX).status_code == 204
    settle(review, Answer(Proof.ACCEPTED))
    changed = browser.get(polled[1], headers=HTMX)
    assert changed.status_code == 200
    html = changed.content.decode()
    assert "<html" not in html
    assert "Step Functions acknowledged it." in html
    assert 'hx-swap-oob="true"' in html
    assert "hx-trigger" not in html
    assert "<html" in browser.get(polled[1]).content.decode()


def test_a_decision_undone_elsewhere_makes_the_page_load_anew(desk: Desk, alice: User) -> None:
    review = factories.review()
    review = decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))
    assert review.decision is not None
    decisions.undo(review.decision.pk, by=actor(alice, "api"))
    response = desk(alice).get(at(review, "delivery"), {"seen": "x"}, headers=HTMX)
    assert response["HX-Refresh"] == "true"


def test_a_decision_is_applied_again_only_by_those_who_decide_the_newer_review(
    alice: User, lena: User
) -> None:
    review, newer = factories.review(), factories.review()
    escalation.escalate(newer.pk, "For a lead.", by=actor(alice))
    newer.refresh_from_db()
    decision = decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice)).decision
    assert decision is not None
    entry = OutboxEntry.objects.get(subject=decision.pk)
    entry.state, entry.detail = "settled", "closed_elsewhere"

    def offered(who: User) -> object:
        access = Access(actor(who))
        shown = delivery_status(decision, entry, access, decision.decided_at, newer=newer)
        assert shown.state == "closed_elsewhere"
        return shown.reapply_to

    assert (offered(alice), offered(lena)) == (None, newer.pk)
