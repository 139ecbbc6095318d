"""One table of rules against every surface on which a decision is made: all check the same, none allows more.

A row is a situation; a column is a surface. Each cell has the response that the caller gets, and
what is refused changes nothing: no vote, no decision, nothing in the outbox, no audit event.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from approvals.actions import assignment, credentials, decisions
from approvals.actors import COMMAND_LINE
from approvals.models import (
    AuditEvent,
    Decision,
    OutboxAttempt,
    OutboxEntry,
    ReviewQueue,
    ReviewTask,
    User,
    Vote,
)
from approvals.models.choices import Outcome
from tests import factories
from tests.api import signing
from tests.factories import actor

pytestmark = pytest.mark.django_db
REMEMBERED = (ReviewTask, Vote, Decision, OutboxEntry, OutboxAttempt, AuditEvent)


@dataclass(frozen=True)
class Asked:
    """What somebody wants: to decide this review so, having seen this version of it."""

    review: ReviewTask
    outcome: str
    version: int
    override: bool


Ask = Callable[[Asked], Any]


# --- the surfaces: somebody signs in first, and then requests the decision


def form(by: User) -> Ask:
    """The desk's form, in a browser that has signed in."""
    browser = Client()
    browser.force_login(by)

    def ask(asked: Asked) -> Any:
        action = {"approved": "review_approve", "rejected": "review_reject"}[asked.outcome]
        fields = {"reason": "", "version": asked.version}
        fields |= {"override": "on"} if asked.override else {}
        return browser.post(reverse(action, args=[asked.review.pk]), fields)

    return ask


def api(by: User) -> Ask:
    """The REST API, with a token."""
    token = credentials.issue_token(by, "rules", by=COMMAND_LINE)
    program = Client(headers={"Authorization": f"Bearer {token}"})

    def ask(asked: Asked) -> Any:
        return program.post(
            f"/api/v1/reviews/{asked.review.pk}/decisions/",
            {"outcome": asked.outcome, "override": asked.override},
            content_type="application/json",
            headers={"If-Match": f'"{asked.version}"'},
        )

    return ask


def webhook(by: User) -> Ask:
    """The signed webhook, of a program that names who decides."""
    sender = signing.issue()

    def ask(asked: Asked) -> Any:
        approved = asked.outcome == "approved"
        return sender.send(signing.about(asked.review, approved=approved, reviewer_email=by.email))

    return ask


def admin(by: User) -> Ask:
    """The admin site's action, in a browser that has signed in."""
    browser = Client()
    browser.force_login(by)

    def ask(asked: Asked) -> Any:
        action = {"approved": "approve", "rejected": "reject"}[asked.outcome]
        address = reverse(f"admin:approvals_reviewtask_{action}")
        return browser.post(address, {"id": str(asked.review.pk), "reason": ""})

    return ask


REQUESTS = {"form": form, "api": api, "webhook": webhook, "admin": admin}
SURFACES = {"form": "web", "api": "api", "webhook": "webhook", "admin": "admin"}


# --- the situations: each changes the rows after somebody has signed in


def bob() -> User:
    """Another reviewer, created after the first has signed in."""
    return factories.user("bob@example.com", "reviewer")


def nothing(review: ReviewTask) -> None:
    """Nothing has happened."""


def claimed(review: ReviewTask) -> None:
    """Bob holds the review."""
    assignment.claim(review.pk, by=actor(bob()))


def decided(review: ReviewTask) -> None:
    """Bob has decided the review."""
    decisions.decide(review.pk, Outcome.REJECTED, by=actor(bob()))


def past(review: ReviewTask) -> None:
    """Step Functions has stopped waiting."""
    ReviewTask.objects.update(deadline_at=Now())


def needs_reason(review: ReviewTask) -> None:
    """The queue requires a reason for a rejection."""
    ReviewQueue.objects.update(policy={"reason_required_for": ["rejected"]})


def changed(review: ReviewTask) -> None:
    """Somebody has changed the review since it was looked at."""
    ReviewTask.objects.update(version=F("version") + 1)


def deactivated(review: ReviewTask) -> None:
    """Alice's account has been deactivated."""
    User.objects.filter(email="alice@example.com").update(is_active=False)


@dataclass(frozen=True)
class Rule:
    """A situation, who asks for what in it, and the response of each surface: its status and words in it."""

    then: Callable[[ReviewTask], None]
    responses: dict[str, tuple[int, str]]
    by: str = "alice"
    outcome: str = "approved"
    override: bool = False
    stale: bool = False
    allowed: bool = False


MAY_NOT = "not_allowed This reviewer may not decide here."
RULES = {
    "a reviewer approves": Rule(
        nothing,
        {"form": (302, ""), "api": (201, ""), "webhook": (200, ""), "admin": (302, "")},
        allowed=True,
    ),
    "a reviewer rejects": Rule(
        nothing,
        {"form": (302, ""), "api": (201, ""), "webhook": (200, ""), "admin": (302, "")},
        outcome="rejected",
        allowed=True,
    ),
    "a lead overrides a claim": Rule(
        claimed,
        {"form": (302, ""), "api": (201, "")},  # the others have no word for it
        by="lena",
        override=True,
        allowed=True,
    ),
    "a reviewer may not override a claim": Rule(
        claimed,
        {
            "form": (403, "This needs the role lead"),
            "api": (403, "not_allowed This needs the role lead"),
        },
        override=True,
    ),
    "a viewer may only look": Rule(
        nothing,
        {
            "form": (403, "This needs the role reviewer"),
            "api": (403, "not_allowed This needs the role reviewer"),
            "webhook": (403, MAY_NOT),
            "admin": (403, "This needs the role reviewer"),
        },
        by="victor",
    ),
    "what somebody may not see is not there": Rule(
        nothing,
        {
            "form": (404, "Page not found"),
            "api": (404, "not_found There is nothing here"),
            "webhook": (403, MAY_NOT),
            "admin": (404, ""),
        },
        by="carol",
    ),
    "a deactivated account is nobody's": Rule(
        deactivated,
        {
            "form": (302, "/accounts/login/"),
            "api": (401, "not_authenticated"),
            "webhook": (403, MAY_NOT),
            "admin": (302, "/admin/login/"),
        },
    ),
    "another holds it": Rule(
        claimed,
        {
            "form": (409, "bob@example.com has claimed this review"),
            "api": (409, "claimed_by_another Somebody else holds this review."),
            "webhook": (409, "claimed_by_another Somebody else holds this review."),
            "admin": (409, "Somebody else holds this review. (bob@example.com)"),
        },
    ),
    "another was faster": Rule(
        decided,
        {
            "form": (409, "bob@example.com was faster"),
            "api": (409, "already_decided This review has been decided already."),
            "webhook": (409, "already_decided This review has been decided already."),
            "admin": (409, "This review has been decided already. (bob@example.com)"),
        },
    ),
    "the deadline has passed": Rule(
        past,
        {
            "form": (409, "The deadline has passed"),
            "api": (409, "deadline_passed The deadline has passed"),
            "webhook": (409, "deadline_passed The deadline has passed"),
            "admin": (409, "The deadline has passed"),
        },
    ),
    "the queue wants a reason": Rule(
        needs_reason,
        {
            "form": (422, "To reject in this queue, write a reason"),
            "api": (422, "invalid To reject in this queue, write a reason"),
            "webhook": (422, "invalid To reject in this queue, write a reason"),
            "admin": (422, "To reject in this queue, write a reason"),
        },
        outcome="rejected",
    ),
    "the queue wants no reason for this": Rule(
        needs_reason,
        {"form": (302, ""), "api": (201, ""), "webhook": (200, ""), "admin": (302, "")},
        allowed=True,
    ),
    "it has changed since": Rule(
        changed,
        {  # the others decide without having looked
            "form": (412, "The review has changed"),
            "api": (412, "stale_version The review has changed"),
        },
        stale=True,
    ),
}
CELLS = [(rule, surface) for rule in RULES for surface in RULES[rule].responses]


def trace() -> dict[str, list[dict[str, Any]]]:
    """Everything a decision could have changed."""
    return {
        model.__name__: [dict(row) for row in model.objects.order_by("pk").values()]
        for model in REMEMBERED
    }


def words(answer: Any) -> str:
    """What the answer says: where it leads, a problem's code and detail, or the text of a page."""
    if 300 <= answer.status_code < 400:
        return str(answer.headers["Location"])
    if "json" in answer.headers["Content-Type"]:
        body = answer.json()
        return f"{body.get('code', '')} {body.get('detail', '')}"
    text = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", answer.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(text))


@pytest.mark.parametrize(("rule", "surface"), CELLS, ids=[f"{d}: {r}" for r, d in CELLS])
def test_every_surface_keeps_every_rule(
    request: pytest.FixtureRequest, queue: ReviewQueue, rule: str, surface: str
) -> None:
    row = RULES[rule]
    status, says = row.responses[surface]
    review = factories.review(queue)
    ask = REQUESTS[surface](request.getfixturevalue(row.by))
    row.then(review)
    seen = review.version if row.stale else ReviewTask.objects.get().version
    before = trace()

    answer = ask(Asked(review, row.outcome, seen, row.override))

    said = words(answer)
    assert (answer.status_code, says in said) == (status, True), said
    if row.allowed:
        assert_decided(before, row, surface)
    else:
        assert trace() == before


def assert_decided(before: dict[str, list[dict[str, Any]]], row: Rule, surface: str) -> None:
    """One vote, one decision, one entry in the outbox, one audit event, and nothing else is new."""
    after = trace()
    grown = {name: len(after[name]) - len(before[name]) for name in after}
    once = {"Vote": 1, "Decision": 1, "OutboxEntry": 1, "AuditEvent": 1}
    assert grown == {"ReviewTask": 0, "OutboxAttempt": 0} | once
    review = ReviewTask.objects.get()
    event = AuditEvent.objects.latest("pk")
    assert review.status == review.decision.outcome == row.outcome
    assert review.decision.by.email == f"{row.by}@example.com"
    assert review.decision.surface == event.surface == SURFACES[surface]
    assert event.kind == f"review.{row.outcome}"


def test_the_table_has_a_cell_for_every_surface_that_can_be_asked() -> None:
    for name, rule in RULES.items():
        missing = set(REQUESTS) - set(rule.responses)
        assert missing <= {"webhook", "admin"}
        assert not missing or rule.override or rule.stale, name
