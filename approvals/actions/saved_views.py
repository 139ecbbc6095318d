"""Saved views of lists: a person's own, and those shared with everybody who sees the list.

The lists are each queue's reviews (a lead of the queue shares), the orders and the batches of orders (who may
restart and stop orders shares). Own views are not audited: they change nothing for anybody else.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from approvals import policy
from approvals.actors import Actor, ensure_user
from approvals.exceptions import Invalid, NotFound
from approvals.models import ReviewQueue, SavedView, User
from approvals.models.saved_views import MAX_NAME, MAX_QUERY
from approvals.policy import Action
from approvals.records import audit, locked_rows, review_queues, statements
from approvals.records.audit_kinds import AuditKind
from approvals.records.locked_rows import LockedRow
from approvals.records.unit_of_work import UnitOfWork
from approvals.untrusted import typed_text

MAX_OWN, MAX_SHARED = 50, 50  # views of a person in all lists; shared views of a list
Listing = SavedView.Listing


@transaction.atomic(durable=True)
def keep(
    slug: str | None, name: str, query: str, *, by: Actor, listing: Listing = Listing.REVIEWS
) -> SavedView:
    """Save a view for the actor alone. `query` is a query string of the list, as its filter wrote it.

    `slug` is the queue's, or None for another list than reviews. Raises NotFound for a queue that the actor
    does not see, NotAllowed for orders, or Invalid for a name or a query that is empty or too long, a name
    that the actor has given in this list already, or MAX_OWN views.
    """
    locked = locked_rows.row(User, ensure_user(by).pk, by=by)  # the lock of their number
    queue = None
    if listing is Listing.REVIEWS:
        queue = ReviewQueue.objects.filter(slug=slug).first()
        if queue is None:
            raise NotFound
    policy.may(Action.SEE if queue else Action.SEE_ORDERS, queue, by=by).or_raise()
    view = _new(queue, listing, name, query, by)
    others = SavedView.objects.filter(owner=locked.row, shared=False)
    _ensure_room(list(others), view, MAX_OWN, "You have")
    work = UnitOfWork()
    work.insert(view)
    work.write()
    return view


@transaction.atomic(durable=True)
def share(
    slug: str | None, name: str, query: str, *, by: Actor, listing: Listing = Listing.REVIEWS
) -> SavedView:
    """Save a view for everybody who sees the list; a lead of the queue may, or who may restart orders.

    Parameters as of `keep`. Raises NotFound, NotAllowed, or Invalid as `keep` does, for MAX_SHARED views of
    the list. The event is the queue's, or the actor's for orders.
    """
    locked, queue = _locked(slug, listing, by)
    view = _new(queue, listing, name, query, by)
    view.shared = True
    others = SavedView.objects.filter(queue=queue, listing=listing, shared=True, revoked_at=None)
    _ensure_room(list(others), view, MAX_SHARED, "This list has")
    work = UnitOfWork()
    work.insert(view)
    data = _mark(view) | {"query": view.query}
    kind = AuditKind.QUEUE_VIEW_SHARED if queue else AuditKind.ORDERS_VIEW_SHARED
    audit.record(work, locked.chain, kind, by=by, data=data)
    work.write()
    return view


@transaction.atomic(durable=True)
def delete(view_id: UUID, *, by: Actor) -> None:
    """Delete a view of the actor's own. Raises NotFound for any other."""
    locked = locked_rows.row(User, ensure_user(by).pk, by=by)
    view = SavedView.objects.filter(pk=view_id, owner=locked.row, shared=False).first()
    if view is None:
        raise NotFound
    work = UnitOfWork()
    work.delete(view)
    work.write()


@transaction.atomic(durable=True)
def revoke(view_id: UUID, *, by: Actor) -> SavedView:
    """Take a shared view back; anybody who may share in its list may.

    Raises NotFound, NotAllowed, or Invalid if it was revoked before.
    """
    found = SavedView.objects.filter(pk=view_id, shared=True).select_related("queue").first()
    if found is None:
        raise NotFound
    listing = Listing(found.listing)
    locked, queue = _locked(found.queue.slug if found.queue else None, listing, by)
    view = SavedView.objects.get(pk=view_id)  # it changes under the list's lock alone
    if view.revoked_at is not None:
        raise Invalid("This view has been revoked already.")
    view.revoked_at, view.revoked_by = locked.now, by.person
    work = UnitOfWork()
    work.update(view, "revoked_at", "revoked_by")
    kind = AuditKind.QUEUE_VIEW_REVOKED if queue else AuditKind.ORDERS_VIEW_REVOKED
    audit.record(work, locked.chain, kind, by=by, data=_mark(view))
    work.write()
    return view


def _locked(
    slug: str | None, listing: Listing, by: Actor
) -> tuple[LockedRow[ReviewQueue] | LockedRow[User], ReviewQueue | None]:
    """The shared views of a list, locked by its queue's row, or by a name for those of orders.

    Raises NotFound, or NotAllowed for an actor who may not share there.
    """
    if listing is Listing.REVIEWS:
        locked = review_queues.locked(slug, by=by)
        policy.may(Action.LEAD, locked.row, by=by).or_raise()
        return locked, locked.row
    statements.lock_name(f"views of {listing}")
    sharer = locked_rows.row(User, ensure_user(by).pk, by=by)
    policy.may(Action.INTERVENE_IN_ORDERS, None, by=by).or_raise()
    return sharer, None


def _mark(view: SavedView) -> dict[str, str]:
    """The data of an event about a view; a shared one of reviews is on the chain of its queue."""
    mark = {"view": str(view.pk), "name": view.name}
    return mark if view.queue_id else mark | {"listing": view.listing}


def _new(
    queue: ReviewQueue | None, listing: Listing, name: str, query: str, by: Actor
) -> SavedView:
    """A view of these values. Raises Invalid."""
    required = "A view needs a name."
    name = typed_text.checked(name, field="name", longest=MAX_NAME, required=required)
    if not name.isprintable():
        raise Invalid("The name has characters that cannot be shown.", pointer="/name")
    required = "A view needs a filter or an order: set one first."
    query = typed_text.checked(query, field="query", longest=MAX_QUERY, required=required)
    return SavedView(queue=queue, listing=listing, owner=by.person, name=name, query=query)


def _ensure_room(others: list[SavedView], view: SavedView, limit: int, who: str) -> None:
    """Raise Invalid if there are `limit` views beside it, or one of its list has its name."""
    its = (view.queue_id, view.listing, view.name)
    if any((each.queue_id, each.listing, each.name) == its for each in others):
        raise Invalid(f"{who} a view named {view.name} already.", pointer="/name")
    if len(others) >= limit:
        raise Invalid(f"{who} {limit} saved views: delete one first.")
