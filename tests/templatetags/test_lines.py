"""The tag `lines`: the rows of a list of reviews, with what its page asks for."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.template import Context, Template

from approvals.models import ReviewTask, User
from approvals.web.review_rows import ReviewRow

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ADA, BOB = User(email="ada@example.com", name="Ada <L>"), User(email="bob@example.com")
QUEUE = ReviewTask().pk
HELD = {"queue_id": QUEUE, "assignee": ADA, "lease_expires_at": NOW + timedelta(minutes=4)}


def line(values: dict[str, Any], **page: Any) -> str:
    """The row of a review with these values on a page of Ada's, without the whitespace between elements."""
    times = {"received_at": NOW, "sent_at": NOW, "deadline_at": NOW + timedelta(hours=2)}
    row = ReviewRow(ReviewTask(**{"reference": "R-1", "status": "pending"} | times | values), NOW)
    context = Context({"rows": [row], "now": NOW} | page)
    context.request = SimpleNamespace(user=ADA, access=SimpleNamespace(zone=UTC))  # type: ignore[attr-defined]
    html = Template("{% load lines %}{% lines rows %}").render(context)
    return re.sub(r">\s+<", "><", html)


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"reference": "<i>"}, "<bdi>&lt;i&gt;</bdi></a>"),
        ({"error_name": "a\u202e<b>"}, '<span class="line-error"><bdi>a⟨U+202E⟩&lt;b&gt;</bdi></span>'),
        ({}, '<span class="line-error">No error named</span>'),
        ({"customer": "Grace & Co"}, "Customer</span><bdi>Grace &amp; Co</bdi></div>"),
        ({}, 'Customer</span><span class="none">\u2013</span></div>'),
        ({"priority": 3}, "Priority </span>"),
        ({"escalated_to_id": ReviewTask().pk}, "</svg> escalated</span>"),
        ({"snoozed_until": NOW + timedelta(hours=1)}, ">13:00</time></span>"),
        ({}, 'Claimed by</span><span class="none">nobody</span></div>'),
        ({"status": "approved"}, 'Claimed by</span><span class="none">\u2013</span></div>'),
        ({"status": "approved"}, '<div class="line-due"><span class="status status-approved">'),
        ({}, '<div class="line-due"><span class="due due-calm">'),
        (HELD | {"assignee": BOB}, "<bdi>bob</bdi></span></div>"),
        (HELD, "<span>you</span></span></div>"),
    ],
)  # fmt: skip
def test_a_row_shows_what_its_review_has(values: dict[str, Any], shown: str) -> None:
    assert shown in line(values)


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ({"select": True}, 'name="review" value="'),
        ({"select": QUEUE}, 'name="review" value="'),
        ({"select": ADA.pk}, '<li class="line"><span class="line-select"></span><div'),
        ({"select": False}, '<li class="line"><div'),
        ({"by_arrival": True}, '<span class="cell-label">Arrived</span><time '),
        ({}, '<span class="cell-label">Waiting</span><span class="line-wait"><time '),
        ({"stream_of_list": "?stream=a&split=1"}, '/?stream=a&amp;split=1"><bdi>R-1'),
        ({"show_lease": True}, "<span>you, until <time "),
    ],
)
def test_a_row_shows_what_its_page_asks_for(page: dict[str, Any], shown: str) -> None:
    assert shown in line(HELD, **page)
