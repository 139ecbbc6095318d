"""Memberships on the admin site: roles in queues, of a user or of everybody with a right."""

from __future__ import annotations

import pytest
from django.test import Client

from approvals import visibility
from approvals.models import (
    AuditEvent,
    QueueMembership,
    ReviewQueue,
    User,
)
from approvals.records import audit, audit_verification
from tests.admin.addresses import at
from tests.admin.answers import last
from tests.factories import actor

pytestmark = pytest.mark.django_db


def test_roles_are_granted_changed_and_revoked(
    browser: Client, queue: ReviewQueue, stan: User
) -> None:
    typed = {"person": "Stan@example.com", "group": "", "queue": queue.slug, "role": "viewer"}
    browser.post(at("queuemembership_new"), typed)
    member = QueueMembership.objects.get(user=stan)
    data = {"queue": queue.slug, "role": "viewer"}
    assert last(stan) == ("role.granted", "oscar@example.com", "admin", data)
    browser.post(at("queuemembership_role", member.pk), {"role": "lead"})
    member.refresh_from_db()
    assert member.role == "lead"
    browser.post(at("queuemembership_revoke", member.pk))
    assert last(stan)[0] == "role.revoked"
    assert not visibility.visible_queues(actor(stan)).exists()


def test_a_group_gets_a_role_audited_on_the_queues_chain(
    browser: Client, queue: ReviewQueue, audrey: User
) -> None:
    typed = {"person": "", "group": "auditor", "queue": queue.slug, "role": "viewer"}
    browser.post(at("queuemembership_new"), typed)
    assert visibility.visible_queues(actor(audrey)).get() == queue
    member = QueueMembership.objects.get(group__name="auditor")
    browser.post(at("queuemembership_revoke", member.pk))
    chain = audit.chain_of("queue", queue.pk)
    events = AuditEvent.objects.filter(chain=chain).order_by("seq")
    assert [event.kind for event in events][-2:] == ["role.granted", "role.revoked"]
    assert events.last().data["group"] == "auditor"
    assert audit_verification.verify(chain) == []


@pytest.mark.parametrize(
    ("person", "group"), [("", ""), ("alice@example.com", "auditor"), ("nobody@example.com", "")]
)
def test_a_role_needs_one_holder(
    browser: Client, queue: ReviewQueue, alice: User, person: str, group: str
) -> None:
    typed = {"person": person, "group": group, "queue": queue.slug, "role": "viewer"}
    assert browser.post(at("queuemembership_new"), typed).status_code == 422


def test_a_group_that_is_none_is_refused(browser: Client, queue: ReviewQueue) -> None:
    typed = {"person": "", "group": "nobody", "queue": queue.slug, "role": "viewer"}

    assert browser.post(at("queuemembership_new"), typed).status_code == 422
