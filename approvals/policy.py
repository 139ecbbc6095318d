"""Permissions: what an actor may do. All surfaces and verbs ask here; `visibility` says which rows they see.

Rights in a queue come from memberships; rights outside queues (orders, auditor, operator) are
Django groups.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import Q, QuerySet

from approvals.actors import COMMAND_LINE, Actor, ensure_actor
from approvals.exceptions import NotAllowed, NotFound
from approvals.models import (
    BulkJob,
    Decision,
    OrderExecution,
    QueueMembership,
    ReviewQueue,
    ReviewTask,
    User,
)
from approvals.models.choices import Surface
from approvals.records import rights
from approvals.records.locked_rows import LockedRow
from approvals.records.rights import Rights

Role = QueueMembership.Role
Subject = ReviewTask | ReviewQueue | OrderExecution | LockedRow[Any] | None


class Action(StrEnum):
    """What may be allowed or refused."""

    SEE = "see"  # look at a review, a queue or an order
    CLAIM = "claim"  # take, extend, release or hand over a claim
    DECIDE = "decide"  # approve, reject or undo
    OVERRIDE = "override"  # act although somebody else holds the claim, or undo their decision
    COMMENT = "comment"  # write below a review
    CLOSE_UNPROVED = "close_unproved"  # close a review of which nothing can prove what became
    LEAD = "lead"  # see a queue's figures and claims, and what is stuck in it
    START_ORDER = "start_order"  # start orders, one or a batch
    SEE_ORDERS = "see_orders"  # look at orders and batches
    INTERVENE_IN_ORDERS = "intervene_in_orders"  # restart and stop orders
    PRICE = "price"  # see what the workflows cost
    OPERATE = "operate"  # change how the service is set up
    INSPECT = "inspect"  # look at how the service is set up


ROLES_THAT = {
    Action.SEE: {Role.VIEWER, Role.REVIEWER, Role.LEAD},
    Action.CLAIM: {Role.REVIEWER, Role.LEAD},
    Action.DECIDE: {Role.REVIEWER, Role.LEAD},
    Action.OVERRIDE: {Role.LEAD},
    Action.COMMENT: {Role.REVIEWER, Role.LEAD},
    Action.CLOSE_UNPROVED: {Role.LEAD},
    Action.LEAD: {Role.LEAD},
}
GROUPS_THAT = {
    Action.START_ORDER: {"orders"},
    Action.SEE_ORDERS: {"orders", "auditor", "operator"},
    Action.INTERVENE_IN_ORDERS: {"orders", "operator"},
    Action.PRICE: {"orders", "operator"},
    Action.OPERATE: {"operator"},
    Action.INSPECT: {"auditor", "operator"},
}
COMMAND_LINE_MAY = {*GROUPS_THAT, Action.CLOSE_UNPROVED}
SITE_GROUPS = ("orders", "auditor", "operator")


def may_have_password(user: User) -> bool:
    """Whether this account may have a password and a session: of an active person, not of a program."""
    return user.is_active and user.kind == User.Kind.PERSON


def may_sign_in(user: User) -> bool:
    """Whether this account may sign in, by whatever way, and be sent a link that sets a new password.

    A person without a password was never invited, or was deactivated since: only an operator's
    invitation makes their first one.
    """
    return may_have_password(user) and user.has_usable_password()


@dataclass(frozen=True)
class Verdict:
    """The answer of `may`: the code `allowed`, `not_allowed` or `not_found`, and the reason as a sentence."""

    code: str
    why: str = ""

    @property
    def allowed(self) -> bool:
        """Whether the action is allowed."""
        return self.code == "allowed"

    def or_raise(self) -> None:
        """Raise NotAllowed or NotFound, unless the action is allowed."""
        if self.code == NotFound.code:
            raise NotFound
        if not self.allowed:
            raise NotAllowed(self.why)


ALLOWED = Verdict("allowed")
HIDDEN = Verdict(NotFound.code)


def deciders_of(review: ReviewTask) -> QuerySet[User]:
    """The active users who may decide this review, by a role of their own or of their groups."""
    roles = ROLES_THAT[needed_for(Action.DECIDE, review)]
    deciding = QueueMembership.objects.filter(queue=review.deciding_queue_id, role__in=roles)
    return User.objects.filter(
        Q(pk__in=deciding.values("user")) | Q(groups__in=deciding.values("group")),
        is_active=True,
    ).distinct()


def members_of(review: ReviewTask) -> QuerySet[User]:
    """The active people who may see this review, by a role of their own or of their groups."""
    seeing = QueueMembership.objects.filter(role__in=ROLES_THAT[Action.SEE])
    queues = [one for one in (review.queue_id, review.escalated_to_id) if one]
    roles = seeing.filter(queue__in=queues)
    return User.objects.filter(
        Q(pk__in=roles.values("user")) | Q(groups__in=roles.values("group")),
        is_active=True,
        kind=User.Kind.PERSON,
    ).distinct()


def may(action: Action, subject: Subject, *, by: Actor, held: Rights | None = None) -> Verdict:
    """Whether `by` may do `action` to `subject`, by the rows as they are now.

    `subject` is None for an action outside queues. A locked row was read with the rights of its actor,
    which must be `by`; no statement is sent for it, nor if the caller has read the rights `held` by the
    actor, as a page does that asks about many subjects. For a subject that the actor may not see, the answer
    is `not_found`. Raises TypeError if `by` is no Actor, or not the one for whom the row was locked.
    """
    ensure_actor(by)
    if isinstance(subject, LockedRow) and subject.by != by:
        raise TypeError(f"the row was locked for {subject.by}, not for {by}")
    if by == COMMAND_LINE and action in COMMAND_LINE_MAY:
        return ALLOWED
    if by.user is None:
        return Verdict(NotAllowed.code, "Only a user may do this.")
    row = subject.row if isinstance(subject, LockedRow) else subject
    held = subject.rights if isinstance(subject, LockedRow) else held
    if isinstance(row, ReviewTask):
        action = needed_for(action, row)
        queue: ReviewQueue | None = row.escalated_to if row.escalated_to_id else row.queue
        held = held or rights.read_in_review(by.user, row)
    else:
        queue = row if isinstance(row, ReviewQueue) else None
        held = held or rights.read(by.user, queue.pk if queue else None)
    if not (by.user.is_active and held.active):
        return Verdict(NotAllowed.code, "This account has been deactivated.")
    if isinstance(row, OrderExecution) and action not in GROUPS_THAT:
        action = Action.SEE_ORDERS
    return _by_group(action, held) if action in GROUPS_THAT else _by_role(action, queue, held)


def needed_for(action: Action, review: ReviewTask) -> Action:
    """The action whose role `action` takes here: a review that was escalated to the leads takes theirs."""
    leads_alone = review.is_for_leads and action in (Action.CLAIM, Action.DECIDE)
    return Action.OVERRIDE if leads_alone else action


def may_undo(
    decision: Decision, subject: Subject, *, by: Actor, held: Rights | None = None
) -> Verdict:
    """Whether `by` may undo a decision; another user's decision needs the right to override.

    `subject` is its review, or the queue of that.
    """
    verdict = may(Action.DECIDE, subject, by=by, held=held)
    if verdict.allowed and decision.by_id != by.person.pk:
        return may(Action.OVERRIDE, subject, by=by, held=held)
    return verdict


def may_decide_in_bulk(queue: ReviewQueue, *, by: Actor, held: Rights | None = None) -> Verdict:
    """Whether `by` may decide many reviews of a queue at once, which a queue may forbid."""
    verdict = may(Action.DECIDE, queue, by=by, held=held)
    forbidden = Verdict(NotAllowed.code, f"{queue} takes no bulk decisions; decide one by one.")
    return verdict if queue.allow_bulk or not verdict.allowed else forbidden


def may_undo_bulk(job: BulkJob, *, by: Actor, held: Rights | None = None) -> Verdict:
    """Whether `by` may undo a bulk decision; another user's needs the right to override."""
    action = Action.DECIDE if job.created_by_id == by.person.pk else Action.OVERRIDE
    return may(action, job.queue, by=by, held=held)


def may_keep_tokens(subject: LockedRow[User], *, by: Actor) -> Verdict:
    """Whether `by` may issue and revoke the API tokens of a user: operators, and on the desk people their own.

    A token cannot issue another one, so that a revoked one has left nothing behind.
    """
    user = subject.row
    if by.surface == Surface.WEB and by.user == user and may_have_password(user):
        return ALLOWED
    return may(Action.OPERATE, subject, by=by)


def may_set_messages(queue: ReviewQueue, *, by: Actor) -> Verdict:
    """Whether `by` may set where a queue's messages hold their fields, and see that: operators and its leads."""
    verdict = may(Action.OPERATE, queue, by=by)
    return verdict if verdict.allowed else may(Action.LEAD, queue, by=by)


def site_actions(actor: Actor) -> set[Action]:
    """The actions outside queues that `may` allows this actor, in one query: for a page's navigation."""
    user = active_user(actor)
    if user is None:
        return set()
    active = User.objects.filter(pk=user.pk, is_active=True)
    groups = set(active.values_list("groups__name", flat=True))
    return {action for action, names in GROUPS_THAT.items() if names & groups}


def votes_suffice(outcomes: Iterable[str]) -> bool:
    """Whether votes with these outcomes make a decision; today one vote does."""
    return bool(list(outcomes))


def memberships_of(user: User) -> QuerySet[QueueMembership]:
    """The memberships of a user, by themselves and by their groups."""
    return QueueMembership.objects.filter(Q(user=user) | Q(group__in=user.groups.all()))


def active_user(actor: Actor) -> User | None:
    """The user of an actor, if there is one and the account is active."""
    return actor.user if actor.user is not None and actor.user.is_active else None


def _by_role(action: Action, queue: ReviewQueue | None, held: Rights) -> Verdict:
    if queue is None or not held.roles:
        return HIDDEN
    if held.roles & ROLES_THAT[action]:
        return ALLOWED
    least = "lead" if ROLES_THAT[action] == {Role.LEAD} else "reviewer"
    return Verdict(
        NotAllowed.code, f"This needs the role {least} in {queue}; ask a lead of that queue."
    )


def _by_group(action: Action, held: Rights) -> Verdict:
    if held.groups & GROUPS_THAT[action]:
        return ALLOWED
    wanted = sorted(GROUPS_THAT[action])
    rights = "the right " if len(wanted) == 1 else "one of the rights "
    return Verdict(
        NotAllowed.code, f"This needs {rights}{', '.join(wanted)}; ask an operator to grant it."
    )
