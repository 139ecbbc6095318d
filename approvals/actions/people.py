"""People: accounts, roles in queues and rights outside queues.

What is revoked ends at once; with an account end its sessions and API tokens.
"""

from __future__ import annotations

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.urls import reverse

from approvals import policy
from approvals.actors import Actor
from approvals.exceptions import Invalid, NotFound
from approvals.models import (
    ApiToken,
    QueueMembership,
    ReviewQueue,
    User,
)
from approvals.policy import Action
from approvals.records import audit, locked_rows, review_queues
from approvals.records.audit_kinds import AuditKind
from approvals.records.locked_rows import LockedRow
from approvals.records.unit_of_work import UnitOfWork

SiteRight = User.groups.through


@transaction.atomic(durable=True)
def create(
    email: str,
    *,
    by: Actor,
    kind: str = User.Kind.PERSON,
    password: str | None = None,
    name: str = "",
) -> User:
    """Create a user; without a password they cannot sign in until they set one.

    Raises NotAllowed, or Invalid for an e-mail address that is none or is taken.
    """
    policy.may(Action.OPERATE, None, by=by).or_raise()
    try:
        user = User.objects.build_user(email, password, kind=kind, name=name)
    except ValidationError as error:
        raise Invalid.from_validation(error) from error
    work = UnitOfWork()
    work.insert(user)
    data = {"email": user.email, "kind": user.kind}
    audit.record(work, audit.end_of(user), AuditKind.USER_CREATED, by=by, data=data)
    try:
        work.write()
    except IntegrityError as error:
        raise Invalid(f"{email} was made by somebody else just now.") from error
    return user


@transaction.atomic(durable=True)
def grant(user: User, queue_slug: str, role: str, *, by: Actor) -> QueueMembership:
    """Grant a user a role in a queue, in place of the one they had.

    Raises NotAllowed, NotFound for an unknown queue and Invalid for an unknown role.
    """
    _ensure_role(role)
    locked = _locked(user, by)
    queue = ReviewQueue.objects.filter(slug=queue_slug).first()
    if queue is None:
        raise NotFound(f"No queue {queue_slug!r}: register_queue makes one.")
    work = UnitOfWork()
    membership = QueueMembership.objects.filter(queue=queue, user=locked.row).first()
    new = QueueMembership(queue=queue, user=locked.row)
    data = {"queue": queue.slug, "role": role} | _role_before(membership, role)
    membership = _give_role(work, membership, new, role)
    audit.record(work, locked.chain, AuditKind.ROLE_GRANTED, by=by, data=data)
    work.write()
    return membership


@transaction.atomic(durable=True)
def grant_group(group: Group, queue_slug: str, role: str, *, by: Actor) -> QueueMembership:
    """Grant everybody with a site right a role in a queue; recorded on the queue's chain.

    Raises NotAllowed, NotFound for an unknown queue and Invalid for an unknown role.
    """
    locked = review_queues.locked(queue_slug, by=by)
    policy.may(Action.OPERATE, locked, by=by).or_raise()
    _ensure_role(role)
    work = UnitOfWork()
    membership = QueueMembership.objects.filter(queue=locked.row, group=group).first()
    new = QueueMembership(queue=locked.row, group=group)
    data = {"group": group.name, "role": role} | _role_before(membership, role)
    membership = _give_role(work, membership, new, role)
    audit.record(work, locked.chain, AuditKind.ROLE_GRANTED, by=by, data=data)
    work.write()
    return membership


@transaction.atomic(durable=True)
def revoke(member: User | Group, queue_slug: str, *, by: Actor) -> None:
    """Revoke the role of a user or a group in a queue; recorded on the user's chain, or the queue's for a group.

    Raises NotAllowed, or NotFound if there is no such queue or role.
    """
    locked: LockedRow[ReviewQueue] | LockedRow[User]
    if isinstance(member, Group):
        locked = review_queues.locked(queue_slug, by=by)
        theirs = QueueMembership.objects.filter(group=member, queue__slug=queue_slug)
    else:
        locked = locked_rows.row(User, member.pk, by=by)
        theirs = QueueMembership.objects.filter(user=member, queue__slug=queue_slug)
    policy.may(Action.OPERATE, locked, by=by).or_raise()
    membership = theirs.first()
    if membership is None:
        raise NotFound(f"{member} has no role in {queue_slug}.")
    data = {"queue": queue_slug, "role": membership.role}
    if isinstance(member, Group):
        data |= {"group": member.name}
    work = UnitOfWork()
    work.delete(membership)
    audit.record(work, locked.chain, AuditKind.ROLE_REVOKED, by=by, data=data)
    work.write()


@transaction.atomic(durable=True)
def grant_site(user: User, right: str, *, by: Actor) -> None:
    """Grant a user a right outside queues: orders, auditor or operator.

    Raises NotAllowed, or Invalid for another right.
    """
    if right not in policy.SITE_GROUPS:
        raise Invalid(f"No site right {right!r}: choose {', '.join(policy.SITE_GROUPS)}.")
    locked = _locked(user, by)
    group = Group.objects.get(name=right)
    work = UnitOfWork()
    if not SiteRight.objects.filter(user=user, group=group).exists():
        work.insert(SiteRight(user=user, group=group))
    audit.record(work, locked.chain, AuditKind.SITE_RIGHT_GRANTED, by=by, data={"right": right})
    work.write()


@transaction.atomic(durable=True)
def revoke_site(user: User, right: str, *, by: Actor) -> None:
    """Revoke a right outside queues.

    Raises NotAllowed, NotFound if the user does not have it, and Invalid for the last operator.
    """
    operators = _locked_operators()
    locked = _locked(user, by)
    user = locked.row
    held = SiteRight.objects.filter(
        user=user, group__name=right, group__name__in=policy.SITE_GROUPS
    ).first()
    if held is None:
        raise NotFound(f"{user.email} does not have the right {right}.")
    if right == operators.name:
        _ensure_another(operators, user)
    work = UnitOfWork()
    work.delete(held)
    audit.record(work, locked.chain, AuditKind.SITE_RIGHT_REVOKED, by=by, data={"right": right})
    work.write()


@transaction.atomic(durable=True)
def invite(user: User, *, by: Actor) -> str:
    """Make a link with which this user sets a password; it works once and is stored nowhere.

    Raises NotAllowed, or Invalid for an account that is not active, is a service, or has a password:
    with a link, somebody else could sign in as this user.
    """
    locked = _locked(user, by)
    user = locked.row
    if not user.is_active:
        raise Invalid(f"{user.email} has been deactivated: reactivate the account first.")
    if not policy.may_have_password(user):
        raise Invalid(f"{user.email} is a service: it has API tokens, and no password.")
    if user.has_usable_password():
        raise Invalid(
            f"{user.email} has a password, and can ask for a new one at the sign-in page."
        )
    work = UnitOfWork()
    audit.record(work, locked.chain, AuditKind.USER_INVITED, by=by)
    work.write()
    parameters = {
        "uidb36": user_pk_to_url_str(user),
        "key": default_token_generator.make_token(user),
    }
    return f"{settings.PUBLIC_URL}{reverse('account_reset_password_from_key', kwargs=parameters)}"


@transaction.atomic(durable=True)
def deactivate(user: User, *, by: Actor) -> User:
    """Deactivate an account: its sessions, its API tokens and its password end at once.

    Roles and rights stay, for a reactivation. Raises NotAllowed, or Invalid for the last operator and
    for an account that is deactivated already.
    """
    operators = _locked_operators()
    locked = _locked(user, by)
    user = locked.row
    if not user.is_active:
        raise Invalid(f"{user.email} has been deactivated already.")
    if user.groups.filter(pk=operators.pk).exists():
        _ensure_another(operators, user)
    user.is_active = False
    # Sessions and links that set a password hold a hash of the password: without it both are invalid
    # for good, also after a reactivation.
    user.set_unusable_password()
    work = UnitOfWork()
    work.update(user, "is_active", "password")
    live = list(ApiToken.objects.filter(user=user, revoked_at=None).order_by("name"))
    for token in live:
        token.revoked_at = locked.now
        work.update(token, "revoked_at")
    data = {"tokens_revoked": [token.name for token in live]}
    audit.record(work, locked.chain, AuditKind.USER_DEACTIVATED, by=by, data=data)
    work.write()
    return user


@transaction.atomic(durable=True)
def reactivate(user: User, *, by: Actor) -> User:
    """Reactivate an account with its roles and rights; its password and its API tokens stay ended.

    Raises NotAllowed, or Invalid if it is active.
    """
    locked = _locked(user, by)
    user = locked.row
    if user.is_active:
        raise Invalid(f"{user.email} is active.")
    user.is_active = True
    work = UnitOfWork()
    work.update(user, "is_active")
    audit.record(work, locked.chain, AuditKind.USER_REACTIVATED, by=by)
    work.write()
    return user


def _locked(user: User, by: Actor) -> LockedRow[User]:
    """The user, locked, for an actor who may change accounts. Raises NotAllowed."""
    locked = locked_rows.row(User, user.pk, by=by)
    policy.may(Action.OPERATE, locked, by=by).or_raise()
    return locked


def _give_role(
    work: UnitOfWork, membership: QueueMembership | None, new: QueueMembership, role: str
) -> QueueMembership:
    """Change the role of a membership, or add the new one, in the unit of work."""
    if membership is None:
        new.role = role
        return work.insert(new)
    membership.role = role
    work.update(membership, "role")
    return membership


def _role_before(membership: QueueMembership | None, role: str) -> dict[str, str]:
    """The role that a grant of this one replaces, for its event; nothing if it replaces none."""
    return {"was": membership.role} if membership and membership.role != role else {}


def _ensure_role(role: str) -> None:
    if role not in QueueMembership.Role.values:
        raise Invalid(f"No role {role!r}: choose {', '.join(QueueMembership.Role.values)}.")


def _locked_operators() -> Group:
    """The group of operators, locked before users: of two operators who deactivate each other, one waits.

    FOR NO KEY UPDATE does not block a grant, which refers to the group while it locks a user.
    """
    return Group.objects.select_for_update(no_key=True).get(name="operator")


def _ensure_another(operators: Group, user: User) -> None:
    others = User.objects.filter(groups=operators, is_active=True, kind=User.Kind.PERSON)
    if not others.exclude(pk=user.pk).exists():
        raise Invalid(f"{user.email} is the last operator: make somebody else one first.")
