"""What a person may see and do on the desk, read in one statement for a whole page."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib.auth.models import Group
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject, Now
from django.http import HttpRequest

from approvals import policy, visibility
from approvals.actors import Actor
from approvals.exceptions import NotFound
from approvals.models import (
    BulkJob,
    Decision,
    OrderBatch,
    Preference,
    QueueMembership,
    ReviewQueue,
    ReviewTask,
    SavedView,
    User,
)
from approvals.models.choices import Surface
from approvals.models.order_executions import OrderQuerySet
from approvals.models.review_tasks import ReviewQuerySet
from approvals.policy import Action, Verdict
from approvals.records import database_time, rights
from approvals.records.prepared_queries import Prepared
from approvals.records.rights import Rights

SIGNED_IN = "password"


@Prepared
def queues_of(user: UUID) -> QuerySet[ReviewQueue]:
    """The queues in which this user has a role, by name, each with what `Access` reads beside it."""
    someone = User(pk=user)
    mine = policy.memberships_of(someone).filter(queue=OuterRef("pk"))
    groups = Group.objects.filter(user=user).values("name")
    preference = Preference.objects.filter(user=user).values(
        all=JSONObject(**{name: name for name in Preference.SETTINGS})
    )
    rows = visibility.visible_queues(Actor(someone, Surface.WEB)).select_related("breaker")
    return rows.annotate(
        roles=ArraySubquery(mine.values("role")),
        groups=ArraySubquery(groups),
        now=Now(),
        preference=preference,
    )


class _Alone(NamedTuple):
    """The names of a user's groups, the database's time, and the user's own settings."""

    groups: list[str]
    now: datetime
    preference: dict[str, Any] | None


class Access:
    """The queues that an actor sees, and the rights by which `policy` judges what they may do.

    All of it is read once, when it is first needed. A verb reads the rights again, under its lock.
    """

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    @cached_property
    def queues(self) -> list[ReviewQueue]:
        """The queues in which the actor has a role, by name, each with its circuit breaker."""
        user = self.actor.user
        return queues_of(user=user.pk) if user and user.is_active else []

    @cached_property
    def now(self) -> datetime:
        """The database's time when the queues were read."""
        read: Any = self.queues[0] if self.queues else self._alone
        return read.now if read else database_time.now()

    @cached_property
    def groups(self) -> frozenset[str]:
        """The names of the actor's groups: rights outside queues."""
        read: Any = self.queues[0] if self.queues else self._alone
        return frozenset(read.groups if read else ())

    @cached_property
    def preferences(self) -> Preference:
        """The actor's own settings, or the defaults."""
        read: Any = self.queues[0] if self.queues else self._alone
        return Preference(**((read and read.preference) or {}))

    @cached_property
    def _alone(self) -> Any:
        """For an actor without a queue, what is read beside queues otherwise; None for nobody."""
        user = self.actor.user
        if user is None:
            return None
        chosen = Preference.objects.filter(user=user).values(
            all=JSONObject(**{name: name for name in Preference.SETTINGS})
        )
        groups = ArraySubquery(Group.objects.filter(user=user).values("name"))
        found = User.objects.filter(pk=user.pk).order_by()
        row = found.values_list(groups, Now(), Subquery(chosen)).first()
        return _Alone(*row) if row else None

    @property
    def led_queues(self) -> list[ReviewQueue]:
        """The queues in which the actor is a lead, by name."""
        return [queue for queue in self.queues if self.may(Action.LEAD, queue).allowed]

    @cached_property
    def zone(self) -> tzinfo:
        """The actor's time zone; UTC for one that is no longer known."""
        try:
            return ZoneInfo(self.preferences.time_zone)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            return UTC

    def may(self, action: Action, subject: ReviewTask | ReviewQueue | None = None) -> Verdict:
        """What `policy.may` answers, without another statement."""
        if isinstance(subject, ReviewTask):
            return self._may_in_review(action, subject)
        queue = self._queue(subject.pk if subject else None)
        return policy.may(action, queue, by=self.actor, held=self._held(queue))

    def _may_in_review(self, action: Action, review: ReviewTask) -> Verdict:
        """As `policy` judges a review: by the queue that decides it; its own queue may still look."""
        action, queue = policy.needed_for(action, review), self._queue(review.deciding_queue_id)
        own = self._queue(review.queue_id)
        if queue is None and own is not None:
            viewer = rights.of(True, self.groups, [QueueMembership.Role.VIEWER])
            return policy.may(action, own, by=self.actor, held=viewer)
        return policy.may(action, queue, by=self.actor, held=self._held(queue))

    @property
    def queue_ids(self) -> list[UUID]:
        """The ids of the queues in which the actor has a role."""
        return [queue.pk for queue in self.queues]

    def reviews(self) -> ReviewQuerySet:
        """What `visibility.visible_reviews` answers, by the ids that were read in the place of its subqueries.

        Without the sealed bytes, which no page shows.
        """
        return visibility.reviews_in(self.queue_ids).without_secrets()

    def orders(self) -> OrderQuerySet:
        """What `visibility.visible_orders` answers, without another statement."""
        return visibility.visible_orders(self.actor, held=self._held(None))

    def batches(self) -> QuerySet[OrderBatch]:
        """What `visibility.visible_batches` answers, without another statement."""
        return visibility.visible_batches(self.actor, held=self._held(None))

    def order_views(self) -> QuerySet[SavedView]:
        """What `visibility.visible_order_views` answers, without another statement."""
        return visibility.visible_order_views(self.actor, held=self._held(None))

    def may_decide_in_bulk(self, queue: ReviewQueue) -> Verdict:
        """What `policy.may_decide_in_bulk` answers, without another statement."""
        held = self._held(self._queue(queue.pk))
        return policy.may_decide_in_bulk(queue, by=self.actor, held=held)

    def may_undo_bulk(self, job: BulkJob) -> Verdict:
        """What `policy.may_undo_bulk` answers, without another statement."""
        held = self._held(self._queue(job.queue_id))
        return policy.may_undo_bulk(job, by=self.actor, held=held)

    def may_undo(self, decision: Decision) -> Verdict:
        """What `policy.may_undo` answers, without another statement."""
        queue = self._queue(decision.review.deciding_queue_id)
        return policy.may_undo(decision, queue, by=self.actor, held=self._held(queue))

    def queue(self, slug: str) -> ReviewQueue:
        """A queue that the actor sees. Raises NotFound, whether it is hidden or not there."""
        found = next((one for one in self.queues if one.slug == slug), None)
        if found is None:
            raise NotFound
        return found

    def listing(self, review: ReviewTask) -> ReviewQueue:
        """The queue in whose list the actor finds a review: the one that decides it, else its own."""
        return self._queue(review.deciding_queue_id) or self._queue(review.queue_id) or review.queue

    def give_queues(self, review: ReviewTask) -> None:
        """Set the queues of a review to those that were read; one that is hidden is read when it is needed."""
        if own := self._queue(review.queue_id):
            review.queue = own
        if other := self._queue(review.escalated_to_id):
            review.escalated_to = other

    def _queue(self, queue_id: UUID | None) -> ReviewQueue | None:
        return next((one for one in self.queues if one.pk == queue_id), None)

    def _held(self, queue: ReviewQueue | None) -> Rights:
        read: Any = queue
        active = self.actor.user is not None and self.actor.user.is_active
        return rights.of(active, self.groups, read.roles if read else ())


def access_of(request: HttpRequest) -> Access:
    """What the user of this request may see and do; before sign-in nothing. The same for the whole request."""
    held: Access | None = getattr(request, "access", None)
    if held is None:
        user = request.user if isinstance(request.user, User) else None
        held = Access(Actor(user, Surface.WEB, signed_in=SIGNED_IN))
        request.access = held  # type: ignore[attr-defined]
    return held
