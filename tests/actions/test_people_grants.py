"""Roles and rights: one grant or revocation changes one of them, and what is none is refused."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid, NotFound
from approvals.models import AuditEvent, QueueMembership, ReviewQueue, ReviewTask, User
from approvals.records import rights
from tests import factories

pytestmark = pytest.mark.django_db


def roles() -> set[tuple[str, str, str]]:
    """Every role: whose it is, in which queue, and which."""
    return {
        (str(each.user or each.group), each.queue.slug, each.role)
        for each in QueueMembership.objects.all()
    }


def site_rights() -> set[tuple[str, str]]:
    """Every right outside queues: whose it is, and which."""
    return set(User.objects.exclude(groups=None).values_list("email", "groups__name"))


def test_a_grant_replaces_the_role_and_an_unknown_one_is_refused(
    review: ReviewTask, alice: User
) -> None:
    people.grant(alice, "manual-review", "viewer", by=COMMAND_LINE)
    assert rights.read(alice, review.queue_id).roles == {"viewer"}

    for wrong, refusal in ((("manual-review", "king"), Invalid), (("nowhere", "lead"), NotFound)):
        with pytest.raises(refusal):
            people.grant(alice, *wrong, by=COMMAND_LINE)
    with pytest.raises(Invalid):
        people.grant_site(alice, "superuser", by=COMMAND_LINE)
    with pytest.raises(Invalid):
        people.grant_group(
            Group.objects.get(name="auditor"), "manual-review", "king", by=COMMAND_LINE
        )


@pytest.mark.parametrize("groups", [False, True])
def test_a_role_of_others_or_in_another_queue_stays_as_it_is(
    queue: ReviewQueue, groups: bool
) -> None:
    factories.queue("refunds")
    kinds = ("auditor", "orders") if groups else ("alice@example.com", "bob@example.com")
    one, other = (
        Group.objects.get(name=name) if groups else factories.user(name) for name in kinds
    )

    def grant(to: User | Group, slug: str, role: str) -> None:
        if isinstance(to, Group):
            people.grant_group(to, slug, role, by=COMMAND_LINE)
        else:
            people.grant(to, slug, role, by=COMMAND_LINE)

    grant(one, "refunds", "viewer")
    grant(other, "refunds", "reviewer")
    grant(other, queue.slug, "reviewer")
    grant(one, queue.slug, "lead")
    assert roles() == {
        (str(one), "refunds", "viewer"),
        (str(other), "refunds", "reviewer"),
        (str(other), "manual-review", "reviewer"),
        (str(one), "manual-review", "lead"),
    }

    people.revoke(other, queue.slug, by=COMMAND_LINE)
    with pytest.raises(NotFound):
        people.revoke(other, queue.slug, by=COMMAND_LINE)
    people.revoke(one, queue.slug, by=COMMAND_LINE)
    assert roles() == {(str(one), "refunds", "viewer"), (str(other), "refunds", "reviewer")}
    events = AuditEvent.objects.filter(kind="role.revoked").order_by("pk")
    assert [event.data for event in events] == [
        {"queue": queue.slug, "role": role} | ({"group": str(whose)} if groups else {})
        for whose, role in ((other, "reviewer"), (one, "lead"))
    ]


def test_the_event_of_a_grant_says_which_other_role_it_replaces(
    queue: ReviewQueue, alice: User
) -> None:
    auditors = Group.objects.get(name="auditor")
    for role in ("reviewer", "viewer", "lead"):
        people.grant(alice, queue.slug, role, by=COMMAND_LINE)
        people.grant_group(auditors, queue.slug, role, by=COMMAND_LINE)

    events = AuditEvent.objects.filter(kind="role.granted").order_by("seq")
    of_alice = events.filter(chain=f"user:{alice.pk}").values_list("data", flat=True)
    of_the_group = events.filter(chain=f"queue:{queue.pk}").values_list("data", flat=True)
    place, whom = {"queue": queue.slug}, {"group": "auditor"}
    became = [
        {"role": "reviewer"},
        {"role": "viewer", "was": "reviewer"},
        {"role": "lead", "was": "viewer"},
    ]
    assert list(of_alice) == [place | data for data in [{"role": "reviewer"}, *became]]
    assert list(of_the_group) == [whom | data for data in became]


def test_a_right_of_others_and_another_right_stay_as_they_are(alice: User, bob: User) -> None:
    for user, right in ((alice, "auditor"), (bob, "auditor"), (bob, "orders"), (alice, "auditor")):
        people.grant_site(user, right, by=COMMAND_LINE)
    assert site_rights() == {
        (alice.email, "auditor"),
        (bob.email, "auditor"),
        (bob.email, "orders"),
    }

    people.revoke_site(bob, "auditor", by=COMMAND_LINE)
    with pytest.raises(NotFound):
        people.revoke_site(bob, "auditor", by=COMMAND_LINE)
    assert site_rights() == {(alice.email, "auditor"), (bob.email, "orders")}


def test_a_group_that_is_no_right_is_not_revoked_as_one(alice: User) -> None:
    alice.groups.add(Group.objects.create(name="translators"))

    with pytest.raises(NotFound):
        people.revoke_site(alice, "translators", by=COMMAND_LINE)

    assert site_rights() == {(alice.email, "translators")}


def test_the_last_operator_may_lose_every_other_right(alice: User) -> None:
    for right in ("operator", "auditor", "orders"):
        people.grant_site(alice, right, by=COMMAND_LINE)

    for right in ("auditor", "orders"):
        people.revoke_site(alice, right, by=COMMAND_LINE)

    assert site_rights() == {(alice.email, "operator")}
