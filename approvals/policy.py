"""Who may see and who may do what. Every surface asks here; neither views nor models decide.

Rights in a queue come from memberships; rights outside queues (orders, auditor, operator) are
Django groups.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from approvals.exceptions import NotAllowed, NotFound
from approvals.models import OrderExecution, QueueMembership, ReviewQueue, ReviewTask, User
from approvals.models.review_tasks import ReviewQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

Role = QueueMembership.Role
Subject = ReviewTask | ReviewQueue | OrderExecution | None

SEE, CLAIM, DECIDE, OVERRIDE, COMMENT = "see", "claim", "decide", "override", "comment"
START_ORDER, SEE_ORDERS = "start_order", "see_orders"
STEER_ORDERS = "steer_orders"  # restart and stop them
PRICE = "price"  # see what the workflows cost
OPERATE, INSPECT = "operate", "inspect"  # change how the service is set up; look at how it is

ROLES_THAT = {
    SEE: {Role.VIEWER, Role.REVIEWER, Role.LEAD},
    CLAIM: {Role.REVIEWER, Role.LEAD},
    DECIDE: {Role.REVIEWER, Role.LEAD},
    OVERRIDE: {Role.LEAD},
    COMMENT: {Role.REVIEWER, Role.LEAD},
}
GROUPS_THAT = {
    START_ORDER: {"orders"},
    SEE_ORDERS: {"orders", "auditor", "operator"},
    STEER_ORDERS: {"orders", "operator"},
    PRICE: {"orders", "operator"},
    OPERATE: {"operator"},
    INSPECT: {"auditor", "operator"},
}
SITE_GROUPS = ("orders", "auditor", "operator")


@dataclass(frozen=True)
class Verdict:
    """The answer to `may`: `allowed`, `not_allowed` or `not_found`, and why in a sentence."""

    code: str
    why: str = ""

    @property
    def allowed(self) -> bool:
        """Whether the answer is yes."""
        return self.code == "allowed"

    def or_raise(self) -> None:
        """Raise NotAllowed or NotFound where the answer is no."""
        if self.code == NotFound.code:
            raise NotFound
        if not self.allowed:
            raise NotAllowed(self.why)


ALLOWED = Verdict("allowed")
HIDDEN = Verdict(NotFound.code, NotFound.__doc__ or "")


def visible_queues(user: User | AnonymousUser) -> QuerySet[ReviewQueue]:
    """The queues in which this user has a role."""
    if not isinstance(user, User) or not user.is_active:
        return ReviewQueue.objects.none()
    return ReviewQueue.objects.filter(pk__in=_memberships(user).values("queue")).order_by("name")


def visible_reviews(user: User | AnonymousUser) -> ReviewQuerySet:
    """The reviews this user may see: those of queues in which they have a role."""
    return ReviewTask.objects.filter(queue__in=visible_queues(user).order_by())


def decidable_queues(user: User) -> QuerySet[ReviewQueue]:
    """The queues in which this user may decide."""
    deciding = _memberships(user).filter(role__in=ROLES_THAT[DECIDE])
    return visible_queues(user).filter(pk__in=deciding.values("queue"))


def deciders(queue: ReviewQueue) -> QuerySet[User]:
    """Everybody who may decide in this queue, by a role of their own or of a group of theirs."""
    deciding = QueueMembership.objects.filter(queue=queue, role__in=ROLES_THAT[DECIDE])
    return User.objects.filter(
        Q(pk__in=deciding.filter(user__isnull=False).values("user"))
        | Q(groups__in=deciding.filter(group__isnull=False).values("group")),
        is_active=True,
    ).distinct()


def may(action: str, subject: Subject, by: User, surface: str) -> Verdict:
    """Whether `by` may do `action` to `subject` through `surface`, by the rows as they are now.

    What a user may not see is hidden, not forbidden: the answer is `not_found`.
    """
    if not by.is_active or (action != SEE and not _still_active(by)):
        return Verdict(NotAllowed.code, "This account has been deactivated.")
    if action in GROUPS_THAT:
        return _by_group(action, by)
    if isinstance(subject, OrderExecution):
        return _by_group(SEE_ORDERS, by)
    queue = subject.queue if isinstance(subject, ReviewTask) else subject
    roles = set() if queue is None else roles_in(queue, by)
    if not roles:
        return HIDDEN
    if roles & ROLES_THAT[action]:
        return ALLOWED
    least = "lead" if action == OVERRIDE else "reviewer"
    return Verdict(
        NotAllowed.code, f"This needs the role {least} in {queue}; ask a lead of that queue."
    )


def site_actions(user: User | AnonymousUser) -> set[str]:
    """The actions outside queues that `may` allows this user, in one question: for a page's frame."""
    if not isinstance(user, User) or not user.is_active:
        return set()
    active = User.objects.filter(pk=user.pk, is_active=True)
    groups = set(active.values_list("groups__name", flat=True))
    return {action for action, names in GROUPS_THAT.items() if names & groups}


def roles_in(queue: ReviewQueue, user: User) -> set[str]:
    """The roles a user has in a queue, their own and their groups'."""
    return set(_memberships(user).filter(queue=queue).values_list("role", flat=True))


def votes_suffice(review: ReviewTask, outcomes: Iterable[str]) -> bool:
    """Whether the live votes make a decision. One vote does, until a queue's policy says otherwise."""
    return bool(list(outcomes))


def _still_active(user: User) -> bool:
    """By the row as it is now: a verb may have waited for its lock since `user` was read."""
    return User.objects.filter(pk=user.pk, is_active=True).exists()


def _memberships(user: User) -> QuerySet[QueueMembership]:
    return QueueMembership.objects.filter(Q(user=user) | Q(group__in=user.groups.all()))


def _by_group(action: str, by: User) -> Verdict:
    if by.groups.filter(name__in=GROUPS_THAT[action]).exists():
        return ALLOWED
    wanted = " or ".join(sorted(GROUPS_THAT[action]))
    return Verdict(NotAllowed.code, f"This needs the right {wanted}; ask an operator to grant it.")
