"""The admin site in a real browser: every page, wide and narrow, under the same strict CSP as the desk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from approvals.actions import credentials, people, queues
from approvals.actors import COMMAND_LINE
from approvals.gateways import sqs
from approvals.models import (
    AuditEvent,
    ConnectionCheck,
    QueueCheck,
    ReviewQueue,
    User,
    WebhookSecret,
)
from approvals.polling import checking
from tests import factories
from tests.admin import rows as made
from tests.admin.addresses import at
from tests.admin.rows import Rows
from tests.browser import world
from tests.browser.accessibility import AT_REST, COLOURS, EVERYTHING, findings, overflow
from tests.browser.conftest import SIZES, NewPage, Scheme, sign_in

PICTURES = os.environ.get("SCREENSHOTS")


def test_an_operator_changes_a_queue_and_decides_nothing_by_looking(new_page: NewPage) -> None:
    queue = factories.queue()
    made.operator("oscar@example.com")
    page = new_page()
    sign_in(page, "oscar@example.com")
    page.goto("/admin/")
    page.get_by_role("link", name="Review queues").first.click()
    page.get_by_role("link", name=queue.name).click()
    page.get_by_role("link", name="Change settings").click()
    page.get_by_label("Policy").fill('{"reason_required_for": [}')
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("No JSON at line 1, column 26")).to_be_visible()
    expect(page.get_by_label("Policy")).to_have_value('{"reason_required_for": [}')
    page.get_by_label("Policy").fill('{"reason_required_for": ["rejected"]}')
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("is saved.")).to_be_visible()
    expect(page.get_by_text("queue.changed")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/")


def test_a_reviewer_picks_two_and_rejects_them_with_one_reason(new_page: NewPage) -> None:
    queue = factories.queue()
    factories.user("ada@example.com", "reviewer", queue)
    for number in range(2):
        factories.review(queue, title=f"Review {number}")
    page = new_page()
    sign_in(page, "ada@example.com")
    page.goto(at("reviewtask_changelist"))
    page.get_by_label("Select all objects on this page for an action").check()
    expect(page.get_by_text("2 of 2 selected")).to_be_visible()
    page.get_by_label("Action:").select_option(label="Reject…")
    page.get_by_role("button", name="Go").click()
    page.get_by_label("Reason").fill("Neither is right.")
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_text("Review 0: rejected.")).to_be_visible()
    expect(page.get_by_text("Review 1: rejected.")).to_be_visible()


@pytest.mark.campaign
def test_every_page_keeps_to_the_policy_of_content_and_its_window(new_page: NewPage) -> None:
    rows, ada = full()
    page = new_page()
    sign_in(page, "oscar@example.com")
    found: dict[str, set[str]] = {}
    for number, path in enumerate(paths(rows, ada)):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        found[path] = look(page, path, number)
    page.goto(at("apitoken_new"))
    page.get_by_label("User").fill("robot@example.com")
    page.get_by_label("Name").fill("nightly 2")
    page.get_by_role("button", name="Issue").click()
    expect(page.locator(".once")).to_be_visible()
    found["once"] = look(page, "once", 99)
    bad = {path: kinds for path, kinds in found.items() if kinds}
    assert not bad, "\n".join(f"{path}: {kinds}" for path, kinds in bad.items())


def look(page: Page, path: str, number: int) -> set[str]:
    """What axe finds, whether the page is wider than a window, and what the content policy refused."""
    kinds: set[str] = set()
    schemes: tuple[tuple[Scheme, dict[str, Any]], ...] = (("light", EVERYTHING), ("dark", COLOURS))
    for size in reversed(SIZES):
        page.set_viewport_size(size)
        for scheme, options in schemes:
            page.emulate_media(color_scheme=scheme)
            page.evaluate(AT_REST)
            kinds |= _kinds(page, options)
            if PICTURES:
                target = Path(PICTURES) / f"admin-{number:02}-{size['width']}-{scheme}.png"
                target.parent.mkdir(parents=True, exist_ok=True)
                page.screenshot(path=target, full_page=True)
        if (wider := overflow(page)) > 0:
            kinds.add(f"{wider} px wider than the window of {size['width']} px")
    return kinds


def _kinds(page: Page, options: dict[str, Any]) -> set[str]:
    return {
        f"{each['id']}: {node['html'][:160]}"
        for each in findings(page, options).response["violations"]
        for node in each["nodes"]
    }


def full() -> tuple[Rows, User]:
    """A row of everything."""
    queue: ReviewQueue = factories.queue(fields=world.FIELDS)
    ada = world.person("ada@example.com", "Ada Lovelace", "reviewer", queue)
    made.operator("oscar@example.com")
    people.grant(User.objects.get(email="oscar@example.com"), queue.slug, "lead", by=COMMAND_LINE)
    credentials.issue_token(ada, "nightly", by=COMMAND_LINE)
    factories.user("robot@example.com", kind=User.Kind.SERVICE)
    credentials.issue_secret("shop", queue.slug, by=COMMAND_LINE)
    check = queues.ask_check(queue.pk, by=COMMAND_LINE)
    findings = [{"level": "problem", "what": "Not a standard queue."}]
    QueueCheck.objects.filter(pk=check.pk).update(checked_at=check.asked_at, findings=findings)
    review = factories.review(queue, orderId="ORD-OPEN", note="word" * 100)
    rows = Rows(queue, review, made.quarantined(queue), made.parked(queue, ada), made.ordered(ada))
    return rows, ada


def paths(rows: Rows, ada: User) -> list[str]:
    """Every page of the site, a list and a row of each model, and every action."""
    names = (
        "reviewtask", "quarantinedmessage", "outboxentry", "orderexecution", "reviewqueue",
        "queuemembership", "user", "apitoken", "webhooksecret", "auditevent",
    )  # fmt: skip
    queue, member = rows.queue.pk, ada.memberships.get().pk
    secret = WebhookSecret.objects.get().pk
    return [
        "/admin/",
        "/admin/approvals/",
        *(at(f"{name}_changelist") for name in names),
        f"{at('reviewtask_changelist')}?status__exact=rejected",
        at("reviewtask_change", rows.review.pk),
        at("quarantinedmessage_change", rows.message.pk),
        at("outboxentry_change", rows.entry.pk),
        at("orderexecution_change", rows.order.pk),
        at("reviewqueue_change", queue),
        at("queuemembership_change", member),
        at("user_change", ada.pk),
        at("webhooksecret_change", secret),
        at("auditevent_change", AuditEvent.objects.first().pk),
        *(at(f"{name}_new") for name in ("reviewqueue", "queuemembership", "user")),
        *(at(f"{name}_new") for name in ("apitoken", "webhooksecret")),
        *(at(f"reviewqueue_{action}", queue) for action in ("edit", "switch", "check")),
        *(at(f"queuemembership_{action}", member) for action in ("role", "revoke")),
        *(at(f"user_{action}", ada.pk) for action in ("deactivate", "grant", "revoke")),
        at("apitoken_revoke", ada.pk) + "?name=nightly",
        at("webhooksecret_revoke", secret),
        at("outboxentry_requeue", rows.entry.pk),
        f"{at('outboxentry_requeue_many')}?id={rows.entry.pk}",
        *(f"{at(f'reviewtask_{action}')}?id={rows.review.pk}" for action in ("approve", "reject")),
        *(f"{at(f'quarantinedmessage_{d}')}?id={rows.message.pk}" for d in ("replay", "discard")),
    ]


def test_an_operator_checks_a_connection_before_saving_and_sees_the_answer_arrive(
    new_page: NewPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqs, "attributes", lambda *_: {"QueueArn": "arn:aws:sqs:eu-west-1:1:r"})
    made.operator("oscar@example.com")
    page = new_page()
    sign_in(page, "oscar@example.com")
    page.goto(at("reviewqueue_new"))
    page.get_by_label("Name:", exact=True).fill("Refunds")
    page.get_by_label("Slug").fill("refunds")
    page.get_by_label("SQS URL").fill("https://sqs.eu-west-1.amazonaws.com/123456789012/refunds")
    page.get_by_role("button", name="Check connection").click()
    expect(page.get_by_text("A worker is asking AWS about")).to_be_visible()
    checking.check_unsaved(ConnectionCheck.objects.get().pk)  # as the worker does on its wake-up
    expect(page.get_by_text("A standard queue.")).to_be_visible()
    expect(page.get_by_label("Slug")).to_have_value("refunds")
    found = look(page, "connection", 90)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Refunds is saved.")).to_be_visible()
    assert found == set()


def test_a_secret_is_copied_or_else_selected(new_page: NewPage) -> None:
    made.operator("oscar@example.com")
    page = new_page()
    sign_in(page, "oscar@example.com")
    page.goto(at("webhooksecret_new"))
    page.get_by_label("Name").fill("shop")
    page.get_by_role("button", name="Issue").click()
    secret = page.locator("#secret").inner_text()
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#copied")).not_to_be_empty()
    if page.locator("#copied").inner_text() != "Copied.":
        assert page.evaluate("getSelection().toString()") == secret
