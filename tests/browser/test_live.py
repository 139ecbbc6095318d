"""What open pages are told by the web process as it is started in production: changes, and who else looks."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.abuse import served
from tests.abuse.served import Web
from tests.browser.accessibility import check
from tests.browser.conftest import DESK
from tests.paths import ROOT

SETTING = """
import json, uuid
from datetime import datetime, UTC
from django.test import Client
from approvals.actions import intake, people, queues
from approvals.actors import COMMAND_LINE
from approvals.models import ReviewQueue, ReviewTask, User
from approvals.records.received_messages import Received
url = "https://sqs.us-east-1.amazonaws.com/123456789012/mine"
queues.save("mine", {"region": "us-east-1", "sqs_url": url}, by=COMMAND_LINE)
people.grant(User.objects.get(email="clerk@example.com"), "mine", "reviewer", by=COMMAND_LINE)
bob = people.create("bob@example.com", by=COMMAND_LINE)
bob.name = "Bob <b>Builder</b>"
bob.save()
people.grant(bob, "mine", "reviewer", by=COMMAND_LINE)
body = json.dumps({"taskToken": f"token-{uuid.uuid4()}", "orderId": "A-1"})
queue = ReviewQueue.objects.get(slug="mine")
intake.accept(queue, [Received(body, str(uuid.uuid4()), datetime.now(UTC))])
browser = Client()
browser.force_login(bob)
print(ReviewTask.objects.get().pk, browser.cookies["countersign"].value)
"""


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    """The web process, with two people and a review of theirs."""
    with served.web(tmp_path) as made:
        yield made


def signed_in(browser: Browser, web: Web, session: str) -> BrowserContext:
    """A browser whose person has signed in."""
    url = f"http://127.0.0.1:{web.port}"
    context = browser.new_context(base_url=url, viewport=DESK, reduced_motion="reduce")
    context.add_cookies([{"name": "countersign", "value": session, "url": url}])
    return context


def test_a_page_shows_within_a_second_who_else_looks_and_who_claims(
    browser: Browser, web: Web
) -> None:
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", SETTING]
    done = subprocess.run(command, cwd=ROOT, env=web.environment, capture_output=True, check=True)
    review, bobs = done.stdout.decode().split()
    mine, theirs = (signed_in(browser, web, each) for each in (web.session, bobs))
    page, other = mine.new_page(), theirs.new_page()
    page.goto(f"/reviews/{review}/")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.locator("#viewers")).to_be_hidden()

    other.goto(f"/queues/mine/?open={review}")  # beside its list
    expect(page.get_by_text("Bob <b>Builder</b> has this review open too.")).to_be_visible()
    expect(other.get_by_text("clerk has this review open too.")).to_be_visible()
    check(page, "a review that somebody else looks at")

    other.get_by_role("link", name="Close").click()
    expect(page.locator("#viewers")).to_be_hidden()
    other.get_by_role("link", name="A-1").click()
    expect(page.get_by_text("Bob <b>Builder</b> has this review open too.")).to_be_visible()
    other.get_by_role("button", name="Claim").click()
    other.get_by_role("heading", name="Yours to decide").wait_for()
    began = time.monotonic()
    expect(page.get_by_text("has claimed this review")).to_be_visible()
    assert time.monotonic() - began < 1

    theirs.close()
    expect(page.locator("#viewers")).to_be_hidden()
    mine.close()
