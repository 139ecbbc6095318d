"""The timeline: every kind of audit event that it can show has its words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.template import Context, Template

from approvals.actions import assignment, decisions
from approvals.models import AuditEvent, ReviewQueue, User
from approvals.models.choices import Outcome
from approvals.records import audit
from approvals.records.audit_kinds import AuditKind
from approvals.web import timeline
from approvals.web.delivery_descriptions import ICONS
from approvals.web.timeline import DESCRIPTIONS, timeline_entry
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.pages import text

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ON_A_TIMELINE = ("review.", "vote.", "decision.", "callback.", "order.")


def test_every_kind_on_the_chain_of_a_review_or_an_order_has_a_sentence() -> None:
    kinds = {kind for kind in AuditKind if kind.startswith(ON_A_TIMELINE)}
    assert kinds - set(DESCRIPTIONS) == set()
    assert set(DESCRIPTIONS) - kinds == set()
    for kind in kinds:
        event = AuditEvent(kind=kind, at=NOW, surface="system", data={})
        assert timeline_entry(event).description == DESCRIPTIONS[kind][2]


def test_a_kind_of_another_release_is_shown_by_its_name() -> None:
    event = AuditEvent(kind="review.long_gone", at=NOW, surface="system", data={})
    assert timeline_entry(event).description == "review long gone"


def test_every_icon_of_the_timeline_and_of_a_delivery_exists() -> None:
    template = Template("{% load heroicons %}{% heroicon_mini icon size=16 %}")
    for icon in {icon for icon, _, _ in DESCRIPTIONS.values()} | set(ICONS.values()):
        assert "<svg" in template.render(Context({"icon": icon}))


def test_the_timeline_names_the_surface(desk: Desk, alice: User) -> None:
    review = factories.review()
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice, "api"))
    assert "alice</bdi> through the API" in text(desk, alice, review)


def test_the_page_says_whether_the_events_are_as_they_were_recorded(
    desk: Desk, queue: ReviewQueue, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = factories.review(queue)
    assignment.claim(review.pk, by=actor(alice))
    chain = AuditEvent.objects.filter(chain=audit.chain(review)).order_by("-seq")
    page = text(desk, alice, review)
    assert "Audit trail verified: 2 events, each as recorded, none missing between them." in page
    assert bytes(chain[0].hash).hex() in page
    monkeypatch.setattr(timeline, "latest_events", lambda **_: [chain[0]])
    assert "the latest 1 event, #2 to #2, each as recorded" in text(desk, alice, review)


def test_a_changed_and_a_missing_event_are_named(queue: ReviewQueue, alice: User) -> None:
    review = factories.review(queue)
    for verb in (assignment.claim, assignment.renew, assignment.release):
        verb(review.pk, by=actor(alice))
    chain = AuditEvent.objects.filter(chain=audit.chain(review)).order_by("-seq")
    events = list(chain)
    last = events[0].seq
    state = timeline.trail_state(events)
    assert state is not None
    assert (state.first, state.last, state.broken_at) == (1, last, None)
    missing = timeline.trail_state([events[0], *events[2:]])
    assert missing is not None
    assert missing.broken_at == last
    events[-1].prev_hash = bytes([1] * 32)
    first = timeline.trail_state(events)
    assert first is not None
    assert first.broken_at == 1
    events = list(chain.all())
    events[1].data = {"changed": True}
    changed = timeline.trail_state(events)
    assert changed is not None
    assert changed.broken_at == events[1].seq
    assert timeline.trail_state([]) is None
