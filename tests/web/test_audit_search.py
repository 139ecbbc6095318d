"""Searches of the audit trail: by period, and a piece at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals.models import AuditEvent, ReviewQueue
from approvals.records import database_time
from approvals.web import audit_search
from approvals.web.audit_search import Search
from tests import factories

pytestmark = pytest.mark.django_db


def test_a_period_has_its_beginning_and_not_its_end(queue: ReviewQueue) -> None:
    factories.review(queue)
    first = AuditEvent.objects.earliest("id")
    at_once = Search(since=first.at, until=first.at + timedelta(microseconds=1))
    before = Search(since=first.at - timedelta(days=1), until=first.at)

    assert first in audit_search.events(at_once)
    assert not audit_search.events(before).exists()


def test_events_are_read_in_order_in_pieces_of_any_size(
    queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        factories.review(queue)
    everything = Search(since=database_time.now() - timedelta(hours=1))
    whole = [event.pk for event in audit_search.in_order(everything)]
    for size in (1, 2, len(whole)):
        monkeypatch.setattr(audit_search, "CHUNK", size)
        assert [event.pk for event in audit_search.in_order(everything)] == whole
