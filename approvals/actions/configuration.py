"""Who decides what: queues, roles, site rights and API tokens. Each change is audited on its chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction

from approvals import policy
from approvals.exceptions import Invalid, NotFound
from approvals.models import ApiToken, QueueMembership, ReviewQueue, User
from approvals.models.decisions import Surface
from approvals.records import audit

log = structlog.get_logger(__name__)


@transaction.atomic(durable=True)
def save_queue(
    slug: str, changes: Mapping[str, Any], *, by: User | None, surface: str = Surface.COMMAND
) -> tuple[ReviewQueue, bool]:
    """Create the queue `slug` or change what `changes` names; returns it and whether it is new.

    Raises Invalid, naming the field, for a value the queue cannot have.
    """
    queue = ReviewQueue.objects.select_for_update(of=("self",)).filter(slug=slug).first()
    created = queue is None
    queue = queue or ReviewQueue(slug=slug, name=slug.replace("-", " ").capitalize())
    before = {name: getattr(queue, name) for name in changes}
    for name, value in changes.items():
        setattr(queue, name, value)
    try:
        queue.full_clean()
    except ValidationError as error:
        raise Invalid(_first(error)) from error
    queue.save()
    changed = {
        name: [None if created else str(before[name]), str(value)]
        for name, value in changes.items()
        if created or before[name] != value
    }
    if changed:
        kind = "queue.created" if created else "queue.changed"
        _record("queue", queue, kind, by, surface, changed)
    return queue, created


@transaction.atomic(durable=True)
def create_user(
    email: str,
    *,
    by: User | None,
    kind: str = User.Kind.PERSON,
    password: str | None = None,
    surface: str = Surface.COMMAND,
) -> User:
    """Make a user; without a password, nobody can sign in as them until they set one.

    Raises Invalid where the e-mail is none or is taken.
    """
    try:
        user = User.objects.create_user(email, password, kind=kind)
    except ValidationError as error:
        raise Invalid(_first(error)) from error
    _record("user", user, "user.created", by, surface, {"email": user.email, "kind": user.kind})
    return user


@transaction.atomic(durable=True)
def grant(
    user: User, queue_slug: str, role: str, *, by: User | None, surface: str = Surface.COMMAND
) -> QueueMembership:
    """Give a user a role in a queue, in place of the one they had.

    Raises NotFound for an unknown queue and Invalid for an unknown role.
    """
    if role not in QueueMembership.Role.values:
        raise Invalid(f"No role {role!r}: choose {', '.join(QueueMembership.Role.values)}.")
    user = User.objects.select_for_update().get(pk=user.pk)
    queue = ReviewQueue.objects.filter(slug=queue_slug).first()
    if queue is None:
        raise NotFound(f"No queue {queue_slug!r}: register_queue makes one.")
    membership, _ = QueueMembership.objects.update_or_create(
        queue=queue, user=user, defaults={"role": role}
    )
    _record("user", user, "role.granted", by, surface, {"queue": queue.slug, "role": role})
    return membership


@transaction.atomic(durable=True)
def grant_site(user: User, right: str, *, by: User | None, surface: str = Surface.COMMAND) -> None:
    """Give a user a right outside queues: orders, auditor or operator. Raises Invalid for another."""
    if right not in policy.SITE_GROUPS:
        raise Invalid(f"No site right {right!r}: choose {', '.join(policy.SITE_GROUPS)}.")
    user = User.objects.select_for_update().get(pk=user.pk)
    user.groups.add(Group.objects.get(name=right))
    _record("user", user, "site_right.granted", by, surface, {"right": right})


@transaction.atomic(durable=True)
def issue_token(user: User, name: str, *, by: User | None, surface: str = Surface.COMMAND) -> str:
    """Make an API token of a user and return it; only its digest is kept.

    Raises Invalid where the name is empty or this user has a token of that name.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    name = name.strip()
    if not name or len(name) > 100:
        raise Invalid("A token needs a name of at most 100 characters.")
    if ApiToken.objects.filter(user=user, name=name).exists():
        raise Invalid(f"{user.email} has a token named {name!r} already: choose another name.")
    _, token = ApiToken.objects.create(user=user, name=name)
    _record("user", user, "token.issued", by, surface, {"name": name})
    return str(token)


def _first(error: ValidationError) -> str:
    name, texts = next(iter(error.message_dict.items()))
    return texts[0] if name == "__all__" else f"{name}: {texts[0]}"


def _record(
    chain: str,
    row: User | ReviewQueue,
    kind: str,
    by: User | None,
    surface: str,
    data: Mapping[str, Any],
) -> None:
    audit.record(audit.chain_of(chain, row.pk), kind, by=by, surface=surface, data=data)
    log.info(kind, **{chain: str(row)})
