"""Saved views of a queue's list: who may save, share, delete and revoke them, and how many there are."""

from __future__ import annotations

from typing import Any

import pytest

from approvals import visibility
from approvals.actions import people, saved_views
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid, NotAllowed, NotFound
from approvals.models import AuditEvent, ReviewQueue, SavedView, User
from approvals.records import audit, audit_verification
from tests import factories
from tests.factories import actor

pytestmark = pytest.mark.django_db


def names(user: User) -> list[str]:
    """The names of the views that somebody sees."""
    return sorted(visibility.visible_views(actor(user)).values_list("name", flat=True))


def test_an_own_view_is_seen_by_nobody_else_and_leaves_no_event(
    queue: ReviewQueue, alice: User, lena: User
) -> None:
    before = AuditEvent.objects.count()
    view = saved_views.keep(queue.slug, " Large ", "amount_from=100", by=actor(alice))
    assert (view.name, view.query) == ("Large", "amount_from=100")
    assert names(alice) == ["Large"]
    assert names(lena) == []
    with pytest.raises(NotFound):
        saved_views.delete(view.pk, by=actor(lena))
    with pytest.raises(NotFound):
        saved_views.revoke(view.pk, by=actor(lena))
    saved_views.delete(view.pk, by=actor(alice))
    assert names(alice) == []
    with pytest.raises(NotFound):
        saved_views.delete(view.pk, by=actor(alice))
    assert AuditEvent.objects.count() == before


def test_a_lead_shares_a_view_with_the_queue_and_takes_it_back(
    queue: ReviewQueue, alice: User, carol: User, lena: User
) -> None:
    view = saved_views.share(queue.slug, "Fraud", "error=Fraud", by=actor(lena))
    assert names(alice) == ["Fraud"]
    assert names(carol) == []
    with pytest.raises(NotFound):
        saved_views.delete(view.pk, by=actor(lena))
    for by in (alice, carol):
        with pytest.raises((NotAllowed, NotFound)):
            saved_views.revoke(view.pk, by=actor(by))
    saved_views.revoke(view.pk, by=actor(lena))
    with pytest.raises(Invalid, match="revoked already"):
        saved_views.revoke(view.pk, by=actor(lena))

    chain = audit.chain(queue)
    events = AuditEvent.objects.filter(chain=chain, kind__startswith="queue.view_").order_by("seq")
    mark = {"view": str(view.pk), "name": "Fraud"}
    assert [(event.kind, event.data) for event in events] == [
        ("queue.view_shared", mark | {"query": "error=Fraud"}),
        ("queue.view_revoked", mark),
    ]
    assert audit_verification.verify(chain) == []


def test_who_loses_the_queue_loses_its_views(queue: ReviewQueue, alice: User, lena: User) -> None:
    saved_views.keep(queue.slug, "Large", "q=x", by=actor(alice))
    saved_views.share(queue.slug, "Fraud", "q=y", by=actor(lena))
    assert names(alice) == ["Fraud", "Large"]
    people.revoke(alice, queue.slug, by=COMMAND_LINE)
    assert names(alice) == []


def test_a_reviewer_shares_no_view(queue: ReviewQueue, alice: User) -> None:
    with pytest.raises(NotAllowed, match="the role lead"):
        saved_views.share(queue.slug, "Fraud", "q=y", by=actor(alice))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": "  "}, "needs a name"),
        ({"name": "x" * 61}, "at most 60"),
        ({"name": "x\u202ey"}, "cannot be shown"),
        ({"name": "x\0"}, "NUL|null|U+0000|character"),
        ({"query": ""}, "needs a filter"),
        ({"query": "q=" + "x" * 999}, "at most 1,000"),
    ],
)
def test_names_and_queries_are_bounded(
    queue: ReviewQueue, alice: User, lena: User, wrong: dict[str, Any], why: str
) -> None:
    given = {"name": "Large", "query": "q=x"} | wrong
    for save, who in ((saved_views.keep, alice), (saved_views.share, lena)):
        with pytest.raises(Invalid, match=why):
            save(queue.slug, by=actor(who), **given)
    assert not SavedView.objects.exists()


def test_a_name_is_given_once_in_a_queue(queue: ReviewQueue, alice: User, lena: User) -> None:
    other = factories.queue("other")
    people.grant(alice, other.slug, "viewer", by=COMMAND_LINE)
    for slug in (queue.slug, other.slug):
        saved_views.keep(slug, "Large", "q=x", by=actor(alice))
    view = saved_views.share(queue.slug, "Large", "q=x", by=actor(lena))
    for save, who in ((saved_views.keep, alice), (saved_views.share, lena)):
        with pytest.raises(Invalid, match="named Large already"):
            save(queue.slug, "Large", "q=x", by=actor(who))
    saved_views.revoke(view.pk, by=actor(lena))
    saved_views.share(queue.slug, "Large", "q=x", by=actor(lena))


def order_people(queue: ReviewQueue) -> tuple[User, User]:
    """Somebody who may restart orders, and an auditor, who only looks at them."""
    olga, adele = factories.user("olga@example.com"), factories.user("adele@example.com")
    people.grant_site(olga, "orders", by=COMMAND_LINE)
    people.grant_site(adele, "auditor", by=COMMAND_LINE)
    return olga, adele


@pytest.mark.parametrize("listing", [SavedView.Listing.ORDERS, SavedView.Listing.BATCHES])
def test_views_of_orders_are_shared_by_who_may_restart_them_with_all_who_see_them(
    queue: ReviewQueue, alice: User, listing: SavedView.Listing
) -> None:
    olga, adele = order_people(queue)

    def seen(user: User) -> list[str]:
        rows = visibility.visible_order_views(actor(user)).filter(revoked_at=None)
        return sorted(rows.values_list("name", flat=True))

    saved_views.keep(None, "Mine", "q=x", by=actor(adele), listing=listing)
    view = saved_views.share(None, "Failed", "status=failed", by=actor(olga), listing=listing)
    assert (seen(adele), seen(olga), seen(alice)) == (["Failed", "Mine"], ["Failed"], [])
    assert names(adele) == names(olga) == []  # of queues they have none
    for save in (saved_views.keep, saved_views.share):
        with pytest.raises(NotAllowed, match="orders"):
            save(None, "Mine", "q=x", by=actor(alice), listing=listing)
    with pytest.raises(NotAllowed):
        saved_views.share(None, "More", "q=x", by=actor(adele), listing=listing)
    with pytest.raises(NotAllowed):
        saved_views.revoke(view.pk, by=actor(adele))
    with pytest.raises(Invalid, match="named Failed already"):
        saved_views.share(None, "Failed", "q=x", by=actor(olga), listing=listing)
    saved_views.revoke(view.pk, by=actor(olga))
    assert seen(adele) == ["Mine"]

    chain = audit.chain(olga)
    events = AuditEvent.objects.filter(chain=chain, kind__startswith="orders.view").order_by("seq")
    mark = {"view": str(view.pk), "name": "Failed", "listing": str(listing)}
    assert [(event.kind, event.data) for event in events] == [
        ("orders.view_shared", mark | {"query": "status=failed"}),
        ("orders.view_revoked", mark),
    ]
    assert audit_verification.verify(chain) == []


def test_the_same_name_is_free_in_each_list(queue: ReviewQueue) -> None:
    olga, _ = order_people(queue)
    people.grant(olga, queue.slug, "lead", by=COMMAND_LINE)
    for save in (saved_views.keep, saved_views.share):
        for slug, listing in zip(
            (queue.slug, None, None), SavedView.Listing.__members__.values(), strict=True
        ):
            save(slug, "Large", "q=x", by=actor(olga), listing=listing)
