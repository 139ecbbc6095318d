"""Saved views of a queue's list: a person's own, and those that a lead shares with the queue.

Own views are not audited: they change nothing for anybody else.
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
from approvals.records import audit, locked_rows, review_queues
from approvals.records.audit_kinds import AuditKind
from approvals.records.unit_of_work import UnitOfWork
from approvals.untrusted import typed_text

MAX_OWN, MAX_SHARED = 50, 50  # views of a person in all queues; shared views of a queue


@transaction.atomic(durable=True)
def keep(slug: str, name: str, query: str, *, by: Actor) -> SavedView:
    """Save a view for the actor alone. `query` is a query string of the list, as its filter wrote it.

    Raises NotFound for a queue that the actor does not see, or Invalid for a name or a query that is empty or
    too long, a name that the actor has given in this queue already, or MAX_OWN views.
    """
    locked = locked_rows.row(User, ensure_user(by).pk, by=by)  # the lock of their number
    queue = ReviewQueue.objects.filter(slug=slug).first()
    if queue is None:
        raise NotFound
    policy.may(Action.SEE, queue, by=by).or_raise()
    view = _new(queue, name, query, by)
    others = SavedView.objects.filter(owner=locked.row, shared=False)
    _ensure_room(list(others), view, MAX_OWN, "You have")
    work = UnitOfWork()
    work.insert(view)
    work.write()
    return view


@transaction.atomic(durable=True)
def share(slug: str, name: str, query: str, *, by: Actor) -> SavedView:
    """Save a view for everybody who sees the queue; a lead of it may. `query` as in `keep`.

    Raises NotFound, NotAllowed, or Invalid as `keep` does, for MAX_SHARED views of the queue.
    """
    locked = review_queues.locked(slug, by=by)
    policy.may(Action.LEAD, locked.row, by=by).or_raise()
    view = _new(locked.row, name, query, by)
    view.shared = True
    others = SavedView.objects.filter(queue=locked.row, shared=True, revoked_at=None)
    _ensure_room(list(others), view, MAX_SHARED, "This queue has")
    work = UnitOfWork()
    work.insert(view)
    data = {"view": str(view.pk), "name": view.name, "query": view.query}
    audit.record(work, locked.chain, AuditKind.QUEUE_VIEW_SHARED, by=by, data=data)
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
    """Take a shared view back; any lead of its queue may.

    Raises NotFound, NotAllowed, or Invalid if it was revoked before.
    """
    queues = ReviewQueue.objects.filter(saved_views=view_id, saved_views__shared=True)
    slug = queues.values_list("slug", flat=True).first()
    if slug is None:
        raise NotFound
    locked = review_queues.locked(slug, by=by)
    policy.may(Action.LEAD, locked.row, by=by).or_raise()
    view = SavedView.objects.get(pk=view_id)  # it changes under the queue's lock alone
    if view.revoked_at is not None:
        raise Invalid("This view has been revoked already.")
    view.revoked_at, view.revoked_by = locked.now, by.person
    work = UnitOfWork()
    work.update(view, "revoked_at", "revoked_by")
    data = {"view": str(view.pk), "name": view.name}
    audit.record(work, locked.chain, AuditKind.QUEUE_VIEW_REVOKED, by=by, data=data)
    work.write()
    return view


def _new(queue: ReviewQueue, name: str, query: str, by: Actor) -> SavedView:
    """A view of these values. Raises Invalid."""
    required = "A view needs a name."
    name = typed_text.checked(name, field="name", longest=MAX_NAME, required=required)
    if not name.isprintable():
        raise Invalid("The name has characters that cannot be shown.", pointer="/name")
    required = "A view needs a filter or an order: set one first."
    query = typed_text.checked(query, field="query", longest=MAX_QUERY, required=required)
    return SavedView(queue=queue, owner=by.person, name=name, query=query)


def _ensure_room(others: list[SavedView], view: SavedView, limit: int, who: str) -> None:
    """Raise Invalid if there are `limit` views beside it, or one of its queue has its name."""
    if any(each.queue_id == view.queue_id and each.name == view.name for each in others):
        raise Invalid(f"{who} a view named {view.name} already.", pointer="/name")
    if len(others) >= limit:
        raise Invalid(f"{who} {limit} saved views: delete one first.")
