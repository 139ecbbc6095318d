"""Saved views: which ones count for the limits and for a name, and which one a verb ends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from django.db.models.functions import Now

from approvals.actions import people, saved_views
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid, NotFound
from approvals.models import AuditEvent, ReviewQueue, SavedView, User
from approvals.records import audit
from tests import factories, races
from tests.factories import actor

pytestmark = pytest.mark.django_db
Listing = SavedView.Listing
OF_ORDERS = (Listing.ORDERS, Listing.BATCHES)
LIMIT = 50  # own views of a person, and shared views of a list


def stored(numbers: Iterable[int], owner: User, **fields: Any) -> None:
    """A view of this owner for each number, as if saved before."""
    rows = [SavedView(owner=owner, name=f"V{n}", query="q=x", **fields) for n in numbers]
    SavedView.objects.bulk_create(rows)


@pytest.fixture
def olga(queue: ReviewQueue) -> User:
    """Somebody who may restart orders, and leads the queue and another one."""
    olga = factories.user("olga@example.com", "lead", queue)
    people.grant(olga, factories.queue("refunds").slug, "lead", by=COMMAND_LINE)
    people.grant_site(olga, "orders", by=COMMAND_LINE)
    return olga


def test_a_person_has_at_most_50_views_of_their_own_in_all_lists(
    queue: ReviewQueue, olga: User, alice: User
) -> None:
    me = actor(olga)
    stored(range(LIMIT), alice, queue=queue)
    stored(range(LIMIT), olga, queue=queue, shared=True)
    stored(range(20), olga, queue=queue)
    stored(range(20, LIMIT - 1), olga, listing=Listing.ORDERS)

    saved_views.keep(queue.slug, "The last", "q=x", by=me)
    with pytest.raises(Invalid, match=f"You have {LIMIT} saved views"):
        saved_views.keep("refunds", "One more", "q=x", by=me)
    stored([LIMIT], olga, queue=queue)  # as if more had been allowed once
    with pytest.raises(Invalid, match=f"You have {LIMIT} saved views"):
        saved_views.keep(None, "One more", "q=x", by=me, listing=Listing.BATCHES)


@pytest.mark.parametrize("listing", Listing)
def test_a_list_has_at_most_50_shared_views(
    queue: ReviewQueue, olga: User, listing: Listing
) -> None:
    of_orders = listing is not Listing.REVIEWS
    its: dict[str, Any] = {"listing": listing} if of_orders else {"queue": queue}
    other = {"queue": ReviewQueue.objects.get(slug="refunds")}
    for number, place in enumerate([its, other, *({"listing": each} for each in OF_ORDERS)]):
        if place != its:
            stored(range(LIMIT), olga, shared=True, **place)
        stored(range(LIMIT), factories.user(f"owner{number}@example.com"), **place)
    stored(range(LIMIT), olga, shared=True, revoked_at=Now(), **its)
    stored(range(LIMIT - 1), olga, shared=True, **its)
    slug = None if of_orders else queue.slug

    saved_views.share(slug, "The last", "q=x", by=actor(olga), listing=listing)
    with pytest.raises(Invalid, match=f"This list has {LIMIT} saved views"):
        saved_views.share(slug, "One more", "q=x", by=actor(olga), listing=listing)


def test_a_name_is_free_for_others_and_for_what_is_shared(
    queue: ReviewQueue, olga: User, alice: User
) -> None:
    saved_views.share(queue.slug, "Large", "q=x", by=actor(olga))

    for who in (olga, alice):
        saved_views.keep(queue.slug, "Large", "q=x", by=actor(who))

    assert SavedView.objects.filter(name="Large").count() == 3


def test_a_verb_ends_the_named_view_alone(queue: ReviewQueue, olga: User) -> None:
    me = actor(olga)
    own = [saved_views.keep(queue.slug, name, "q=x", by=me) for name in ("A", "B")]
    ours = [saved_views.share(queue.slug, name, "q=x", by=me) for name in ("C", "D")]

    saved_views.delete(own[1].pk, by=me)
    revoked = saved_views.revoke(ours[1].pk, by=me)

    assert (revoked, revoked.revoked_by) == (ours[1], olga)
    assert set(SavedView.objects.filter(revoked_at=None)) == {own[0], ours[0]}


def test_who_leads_a_later_queue_alone_takes_its_views_back(queue: ReviewQueue, olga: User) -> None:
    later = ReviewQueue.objects.get(slug="refunds")
    rita = factories.user("rita@example.com", "lead", later)
    of_the_first = saved_views.share(queue.slug, "V", "q=x", by=actor(olga))
    view = saved_views.share(later.slug, "V", "q=x", by=actor(rita))

    saved_views.revoke(view.pk, by=actor(rita))
    with pytest.raises(NotFound):
        saved_views.revoke(of_the_first.pk, by=actor(rita))

    assert SavedView.objects.get(revoked_at=None) == of_the_first
    event = AuditEvent.objects.get(kind="queue.view_revoked")
    assert event.chain == audit.chain(later)


def test_a_view_of_reviews_needs_a_queue(queue: ReviewQueue, olga: User) -> None:
    for save in (saved_views.keep, saved_views.share):
        for slug in (None, "nowhere"):
            with pytest.raises(NotFound):
                save(slug, "Large", "q=x", by=actor(olga))


@pytest.mark.django_db(transaction=True)
def test_a_view_of_orders_waits_for_another_one_that_is_being_shared() -> None:
    olga = factories.user("olga@example.com")
    people.grant_site(olga, "orders", by=COMMAND_LINE)
    under_way = "SELECT pg_advisory_xact_lock(hashtext('views of orders'))"

    view = races.while_another_commits(
        under_way,
        [],
        lambda: saved_views.share(None, "V", "q=x", by=actor(olga), listing=Listing.ORDERS),
    )

    assert SavedView.objects.get() == view
