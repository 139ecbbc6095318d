"""The rights of a user as they stand in the database: read in one statement, judged by `policy`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from approvals.models import User
from approvals.records import statements

# Each takes the user's id; ROLES also the id of a queue, which a surrounding statement may have.
ACTIVE = "(SELECT is_active FROM approvals_user WHERE id = %s)"
GROUPS = """ARRAY(SELECT g.name FROM auth_group g JOIN approvals_user_groups ug ON ug.group_id = g.id
  WHERE ug.user_id = %s)"""
ROLES = """ARRAY(SELECT m.role FROM approvals_queuemembership m WHERE m.queue_id = {queue}
  AND (m.user_id = %s OR m.group_id IN (SELECT group_id FROM approvals_user_groups WHERE user_id = %s)))"""
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
