"""Which rows an actor may see or decide, as query sets: by the rights that `approvals.policy` knows."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Q, QuerySet

from approvals import policy
from approvals.actors import Actor
from approvals.models import (
    BulkJob,
    OrderBatch,
    OrderExecution,
    QuarantinedMessage,
    QueueMembership,
    ReviewQueue,
    ReviewTask,
    SavedView,
)
from approvals.models.order_executions import OrderQuerySet
from approvals.models.review_tasks import ReviewQuerySet
from approvals.policy import ROLES_THAT, Action, active_user, memberships_of
from approvals.records.rights import Rights


def visible_queues(actor: Actor) -> QuerySet[ReviewQueue]:
    """The queues in which this actor has a role."""
    user = active_user(actor)
    if user is None:
        return ReviewQueue.objects.none()
    return ReviewQueue.objects.filter(pk__in=memberships_of(user).values("queue")).order_by("name")


def visible_reviews(actor: Actor) -> ReviewQuerySet:
    """The reviews this actor may see: those of queues in which they have a role, or escalated to one."""
    return reviews_in(visible_queues(actor).order_by())


def reviews_in(queues: Any) -> ReviewQuerySet:
    """The reviews of these queues, and those escalated to one: a query set of queues, or their ids."""
    return ReviewTask.objects.filter(in_queues(queues))


def in_queues(queues: Any, review: str = "") -> Q:
    """The condition that a review is of one of these queues, or was escalated to one.

    `review` is the path to it from the rows that are filtered, such as `comment__review`.
    """
    path = f"{review}__" if review else ""
    return Q(**{f"{path}queue__in": queues}) | Q(**{f"{path}escalated_to__in": queues})


def visible_views(actor: Actor) -> QuerySet[SavedView]:
    """The saved views of the queues this actor sees: their own, and those shared with a queue."""
    return views(actor).filter(queue__in=visible_queues(actor).order_by())


def visible_order_views(actor: Actor, *, held: Rights | None = None) -> QuerySet[SavedView]:
    """The saved views of orders and of batches: the actor's own, and those shared; none without the right.

    `held` are the actor's rights, if they were read already.
    """
    seen = policy.may(Action.SEE_ORDERS, None, by=actor, held=held).allowed
    return views(actor).filter(queue=None) if seen else SavedView.objects.none()


def views(actor: Actor) -> QuerySet[SavedView]:
    """The actor's own views, and all that are shared, of whatever list: the caller says of which ones they see."""
    return SavedView.objects.filter(Q(shared=True) | Q(owner=active_user(actor)))


def visible_orders(actor: Actor, *, held: Rights | None = None) -> OrderQuerySet:
    """The orders this actor may see: all, or none. Raises NotAllowed for none. `held` as above."""
    policy.may(Action.SEE_ORDERS, None, by=actor, held=held).or_raise()
    return OrderExecution.objects.all()


def visible_batches(actor: Actor, *, held: Rights | None = None) -> QuerySet[OrderBatch]:
    """The batches of orders this actor may see: all, or none. Raises NotAllowed for none. `held` as above."""
    policy.may(Action.SEE_ORDERS, None, by=actor, held=held).or_raise()
    return OrderBatch.objects.all()


def visible_quarantine(actor: Actor) -> QuerySet[QuarantinedMessage]:
    """The quarantined messages this actor may see: all, or none. Raises NotAllowed for none."""
    policy.may(Action.INSPECT, None, by=actor).or_raise()
    return QuarantinedMessage.objects.all()


def visible_bulk_jobs(actor: Actor) -> QuerySet[BulkJob]:
    """The bulk decisions this actor may see: their own, and all of the queues that they lead."""
    user = active_user(actor)
    mine = memberships_of(user) if user else QueueMembership.objects.none()
    leading = mine.filter(role__in=ROLES_THAT[Action.LEAD])
    own = Q(created_by=user, queue__in=mine.values("queue"))
    return BulkJob.objects.filter(own | Q(queue__in=leading.values("queue")))


def decidable_queues(actor: Actor) -> QuerySet[ReviewQueue]:
    """The queues in which this actor may decide."""
    user = active_user(actor)
    if user is None:
        return ReviewQueue.objects.none()
    deciding = memberships_of(user).filter(role__in=ROLES_THAT[Action.DECIDE])
    return visible_queues(actor).filter(pk__in=deciding.values("queue"))


def decidable_reviews(actor: Actor) -> Q:
    """The condition that a review is one that this actor may decide, to whomever it was escalated."""
    user = active_user(actor)
    if user is None:
        return Q(pk__in=[])
    leading = memberships_of(user).filter(role__in=ROLES_THAT[Action.OVERRIDE]).values("queue")
    queues = decidable_queues(actor).order_by().values("pk")
    for_leads = Q(escalated_to=F("queue"))
    return (
        Q(escalated_to=None, queue__in=queues)
        | (Q(escalated_to__in=queues) & ~for_leads)
        | (Q(escalated_to__in=leading) & for_leads)
    )
