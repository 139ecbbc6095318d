"""The timeline: every kind of audit event that it can show has its words."""

from __future__ import annotations

from datetime import UTC, datetime

from django.template import Context, Template

from approvals.actions import decisions
from approvals.models import AuditEvent, User
from approvals.models.choices import Outcome
from approvals.records.audit_kinds import AuditKind
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
