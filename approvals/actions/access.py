"""Access given to groups, taken away and given back. What is taken ends at once, sessions and tokens too.

`by` None is the command line, which whoever holds the machine may use; anybody else needs OPERATE.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.urls import reverse

from approvals import policy
from approvals.exceptions import Invalid, NotFound
from approvals.models import ApiToken, QueueMembership, ReviewQueue, User
from approvals.models.choices import Surface
from approvals.records import audit, database_time

log = structlog.get_logger(__name__)


@transaction.atomic(durable=True)
def grant_group(
    group: Group, queue_slug: str, role: str, *, by: User | None, surface: str = Surface.COMMAND
) -> QueueMembership:
    """Give everybody with a site right a role in a queue, audited on the queue's chain.

    Raises NotAllowed, NotFound for an unknown queue and Invalid for an unknown role.
    """
    queue = _locked_queue(queue_slug)
    _ensure_operator(by, surface)
    if role not in QueueMembership.Role.values:
        raise Invalid(f"No role {role!r}: choose {', '.join(QueueMembership.Role.values)}.")
    membership, _ = QueueMembership.objects.update_or_create(
        queue=queue, group=group, defaults={"role": role}
    )
    data = {"group": group.name, "role": role}
    _record("queue", queue, "role.granted", by, surface, data)
    return membership


@transaction.atomic(durable=True)
def revoke(
    member: User | Group, queue_slug: str, *, by: User | None, surface: str = Surface.COMMAND
) -> None:
    """Take a user's or a group's role in a queue away; on the user's chain, or the queue's for a group.

    Raises NotAllowed, or NotFound where there is no such queue or no such role.
    """
    if isinstance(member, Group):
        row: User | ReviewQueue = _locked_queue(queue_slug)
        theirs = QueueMembership.objects.filter(group=member, queue__slug=queue_slug)
    else:
        row = User.objects.select_for_update().get(pk=member.pk)
        theirs = QueueMembership.objects.filter(user=member, queue__slug=queue_slug)
    _ensure_operator(by, surface)
    membership = theirs.first()
    if membership is None:
        raise NotFound(f"{member} has no role in {queue_slug}.")
    data = {"queue": queue_slug, "role": membership.role}
    if isinstance(member, Group):
        data |= {"group": member.name}
    membership.delete()
    _record(
        "queue" if isinstance(member, Group) else "user", row, "role.revoked", by, surface, data
    )


@transaction.atomic(durable=True)
def revoke_site(user: User, right: str, *, by: User | None, surface: str = Surface.COMMAND) -> None:
    """Take a right outside queues away.

    Raises NotAllowed, NotFound where the user does not have it, and Invalid for the last operator.
    """
    operators = _locked_operators()
    user = User.objects.select_for_update().get(pk=user.pk)
    _ensure_operator(by, surface)
    group = user.groups.filter(name=right, name__in=policy.SITE_GROUPS).first()
    if group is None:
        raise NotFound(f"{user.email} does not have the right {right}.")
    if group == operators:
        _ensure_another(operators, user)
    user.groups.remove(group)
    _record("user", user, "site_right.revoked", by, surface, {"right": right})


@transaction.atomic(durable=True)
def revoke_token(
    user: User, name: str, *, by: User | None, surface: str = Surface.COMMAND
) -> ApiToken:
    """End an API token of a user; its row stays, so that its name is not given to another.

    Raises NotAllowed, NotFound for an unknown token and Invalid where it was revoked before.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    _ensure_operator(by, surface)
    token: ApiToken | None = ApiToken.objects.filter(user=user, name=name).first()
    if token is None:
        raise NotFound(f"{user.email} has no token named {name!r}.")
    if token.revoked_at is not None:
        raise Invalid(f"The token {name!r} of {user.email} has been revoked already.")
    token.revoked_at = database_time.now()
    token.save(update_fields=["revoked_at"])
    _record("user", user, "token.revoked", by, surface, {"name": name})
    return token


@transaction.atomic(durable=True)
def deactivate(user: User, *, by: User | None, surface: str = Surface.COMMAND) -> User:
    """Shut an account: nobody signs in as it, its sessions, its tokens and its password end at once.

    Roles and rights stay for whoever reactivates it. Raises NotAllowed, or Invalid for the last
    operator and for an account that is shut already.
    """
    operators = _locked_operators()
    user = User.objects.select_for_update().get(pk=user.pk)
    _ensure_operator(by, surface)
    if not user.is_active:
        raise Invalid(f"{user.email} has been deactivated already.")
    if user.groups.filter(pk=operators.pk).exists():
        _ensure_another(operators, user)
    user.is_active = False
    # A session holds a hash of the password, and so does a link that sets one: without it, both are
    # dead for good, and do not come back to life with the account.
    user.set_unusable_password()
    user.save(update_fields=["is_active", "password"])
    live = ApiToken.objects.filter(user=user, revoked_at=None)
    names = sorted(live.values_list("name", flat=True))
    live.update(revoked_at=database_time.now())
    _record("user", user, "user.deactivated", by, surface, {"tokens_revoked": names})
    return user


@transaction.atomic(durable=True)
def reactivate(user: User, *, by: User | None, surface: str = Surface.COMMAND) -> User:
    """Open an account again, with its roles and rights; its password and its tokens are gone.

    Raises NotAllowed, or Invalid where it is open.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    _ensure_operator(by, surface)
    if user.is_active:
        raise Invalid(f"{user.email} is active.")
    user.is_active = True
    user.save(update_fields=["is_active"])
    _record("user", user, "user.reactivated", by, surface, {})
    return user


@transaction.atomic(durable=True)
def invite(user: User, *, by: User | None, surface: str = Surface.COMMAND) -> str:
    """A link with which this user sets a password; it works once, and is nowhere stored.

    Raises NotAllowed, or Invalid where the user has a password: then a link would let somebody else
    decide in their name.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    _ensure_operator(by, surface)
    if not user.is_active:
        raise Invalid(f"{user.email} has been deactivated: reactivate the account first.")
    if user.kind != User.Kind.PERSON:
        raise Invalid(f"{user.email} is a service: it has API tokens, and no password.")
    if user.has_usable_password():
        raise Invalid(
            f"{user.email} has a password, and can ask for a new one at the sign-in page."
        )
    _record("user", user, "user.invited", by, surface, {})
    place = {"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)}
    return f"{settings.PUBLIC_URL}{reverse('account_reset_password_from_key', kwargs=place)}"


def _locked_queue(slug: str) -> ReviewQueue:
    queue = ReviewQueue.objects.select_for_update(of=("self",)).filter(slug=slug).first()
    if queue is None:
        raise NotFound(f"No queue {slug!r}: register_queue makes one.")
    return queue


def _locked_operators() -> Group:
    """The operators' group, locked first: of two operators who shut each other out, one waits.

    Without KEY, so that a grant, which refers to the group while it holds a user, is not in the way.
    """
    return Group.objects.select_for_update(no_key=True).get(name="operator")


def _ensure_another(operators: Group, user: User) -> None:
    others = User.objects.filter(groups=operators, is_active=True, kind=User.Kind.PERSON)
    if not others.exclude(pk=user.pk).exists():
        raise Invalid(f"{user.email} is the last operator: make somebody else one first.")


def _ensure_operator(by: User | None, surface: str) -> None:
    if by is not None:
        policy.may(policy.OPERATE, None, by, surface).or_raise()


def _record(
    chain: str,
    row: User | ReviewQueue,
    kind: str,
    by: User | None,
    surface: str,
    data: Mapping[str, object],
) -> None:
    audit.record(audit.chain_of(chain, row.pk), kind, by=by, surface=surface, data=data)
    log.info(kind, **{chain: str(row)})
