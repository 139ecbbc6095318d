"""The message after a decision: what it names, and when it offers to undo."""

from __future__ import annotations

import pytest
from django.contrib.messages.storage.base import Message
from django.test import RequestFactory

from approvals.models import ReviewQueue, User
from approvals.web import toasts
from tests.web.conftest import Desk
from tests.web.reviews import open_reviews
from tests.web.test_streams import START, decide

pytestmark = pytest.mark.django_db


def test_without_an_undo_window_the_message_offers_none(
    desk: Desk, queue: ReviewQueue, alice: User
) -> None:
    ReviewQueue.objects.update(undo_seconds=0)
    open_reviews(queue, 2)
    browser = desk(alice)
    html = decide(browser, browser.post(START)["Location"]).content.decode()
    assert "Approved M-001. It is being sent." in html
    assert "Undo" not in html


def test_other_messages_offer_no_undo() -> None:
    request = RequestFactory().get("/")
    for tags in ("", "success", "undo", "undo 1 2 3"):
        assert toasts.undo_of(request, Message(20, "Done.", tags)) is None
