"""The rights of a user as they stand in the database: read in one statement, judged by `policy`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from approvals.models import ReviewTask, User
from approvals.records import statements

# Each takes the user's id; ROLES also the id of a queue, which a surrounding statement may have.
ACTIVE = "(SELECT is_active FROM approvals_user WHERE id = %s)"
GROUPS = """ARRAY(SELECT g.name FROM auth_group g JOIN approvals_user_groups ug ON ug.group_id = g.id
  WHERE ug.user_id = %s)"""
ROLES = """ARRAY(SELECT m.role FROM approvals_queuemembership m WHERE m.queue_id = {queue}
  AND (m.user_id = %s OR m.group_id IN (SELECT group_id FROM approvals_user_groups WHERE user_id = %s)))"""
# Of a review `r` and its queue `q`: the roles in the queue that decides it. Those of its own queue may still see
# a review that was escalated to another one.
ROLES_IN_REVIEW = f"""{ROLES.format(queue="COALESCE(r.escalated_to_id, q.id)")} ||
  CASE WHEN r.escalated_to_id IS NOT NULL THEN
    array_fill('viewer'::varchar, ARRAY[cardinality({ROLES.format(queue="q.id")})]) END"""
_READ = f"SELECT {ACTIVE}, {GROUPS}, {ROLES.format(queue='%s')}"


@dataclass(frozen=True)
class Rights:
    """Whether an account is active, the site rights it has, and its roles in one queue."""

    active: bool
    groups: frozenset[str]
    roles: frozenset[str]


def of(active: bool | None, groups: Iterable[str], roles: Iterable[str]) -> Rights:
    """The rights that the three expressions above have returned."""
    return Rights(bool(active), frozenset(groups), frozenset(roles))


def read(user: User, queue: UUID | None) -> Rights:
    """The rights of a user outside queues and in `queue`."""
    return of(*statements.one_row(_READ, [user.pk, user.pk, queue, user.pk, user.pk]))


def read_in_review(user: User, review: ReviewTask) -> Rights:
    """The rights of a user in the queue that decides a review; its own queue's roles may only look."""
    found = read(user, review.deciding_queue_id)
    if found.roles or review.escalated_to_id is None or not read(user, review.queue_id).roles:
        return found
    return Rights(found.active, found.groups, frozenset({"viewer"}))
