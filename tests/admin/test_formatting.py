"""Texts of the admin site: documents that read back, ages by the database's clock, events of a chain."""

from __future__ import annotations

import json
import tracemalloc
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from approvals.actions import discussion
from approvals.admin import formatting
from approvals.models import ReviewTask, User
from approvals.records import audit, database_time
from approvals.untrusted import display
from tests import factories
from tests.factories import actor

pytestmark = pytest.mark.django_db


def test_a_document_reads_back_and_hides_no_character() -> None:
    document = {"label": "a\u202eb\u00e9", "rows": [1, None]}

    text = formatting.document(document)

    assert json.loads(text) == document
    assert "\u202e" not in text
    assert "\u00e9" in text


def test_a_block_is_escaped_and_cut() -> None:
    block = formatting.block("<b>" + "x" * display.MAX_SHOWN)

    assert "<b>" not in block
    assert block.count("x") == display.MAX_SHOWN - len("<b>")


def test_a_document_of_many_values_is_written_no_further_than_it_is_shown() -> None:
    deep: object = [0] * 300_000
    for _ in range(58):
        deep = [deep]

    tracemalloc.start()
    try:
        shown = formatting.linked_document(deep, "/whole/")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 'href="/whole/"' in shown
    assert len(shown) < 2 * display.MAX_SHOWN
    assert peak < 20 * display.MAX_SHOWN
    assert "href" not in formatting.linked_document([0], "/whole/")


def test_an_age_is_in_words() -> None:
    now = database_time.now()

    assert formatting.age(None) == "never"
    shown = formatting.age(now - timedelta(minutes=7))
    assert ">7 min ago</time>" in shown
    assert f'title="{now - timedelta(minutes=7):%Y-%m-%d %H:%M:%S} UTC"' in shown
    assert ">in 3 h</time>" in formatting.age(now + timedelta(hours=3, minutes=1))


def test_a_time_is_in_the_zone_that_is_active_and_names_it() -> None:
    at = datetime(2026, 11, 1, 23, 5, 9, tzinfo=UTC)

    with timezone.override(ZoneInfo("Europe/Paris")):
        assert formatting.moment(at) == "2026-11-02 00:05:09 CET"
    with timezone.override(ZoneInfo("America/Sao_Paulo")):
        assert formatting.moment(at) == "2026-11-01 20:05:09 UTC-03"
    assert formatting.moment(None) == "-"


def test_a_column_is_text_whatever_it_holds() -> None:
    column = formatting.text("reference")

    assert column(ReviewTask(reference="a\u202eb")) == "a⟨U+202E⟩b"
    assert column(ReviewTask(reference=None)) == "-"


def test_the_newest_events_come_first_and_no_more_than_a_page_of_them(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formatting, "NEWEST", 2)
    review = factories.review()
    for number in range(3):
        discussion.comment(review.pk, f"Note {number}", by=actor(alice))

    events = formatting.events(audit.chain_of("review", review.pk))

    shown = [dict(each[1])["text"] for each in events if isinstance(each, tuple)]
    assert shown == ["Note 2", "Note 1"]
