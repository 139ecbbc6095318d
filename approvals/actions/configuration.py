"""Who decides what: queues, roles, site rights and API tokens. Each change is audited on its chain.

`by` None is the command line, which whoever holds the machine may use; anybody else needs OPERATE.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import structlog
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from approvals import policy
from approvals.exceptions import Invalid, NotFound, StaleVersion
from approvals.models import (
    ApiToken,
    AuditEvent,
    QueueCheck,
    QueueMembership,
    ReviewQueue,
    User,
    WebhookSecret,
)
from approvals.models.choices import Surface
from approvals.records import audit, database_time, tokens, wake_ups

log = structlog.get_logger(__name__)

# The events that tell of settings; that a check was asked for or a secret issued changes none.
SETTINGS_EVENTS = ("queue.created", "queue.changed")


def settings_version(queue_id: UUID) -> int:
    """The number of the event that last changed a queue's settings; 0 for a queue that is not there."""
    events = AuditEvent.objects.filter(
        chain=audit.chain_of("queue", queue_id), kind__in=SETTINGS_EVENTS
    )
    return events.order_by("-seq").values_list("seq", flat=True).first() or 0


@transaction.atomic(durable=True)
def save_queue(
    slug: str,
    changes: Mapping[str, Any],
    *,
    by: User | None,
    surface: str = Surface.COMMAND,
    expected: int | None = None,
) -> tuple[ReviewQueue, bool]:
    """Create the queue `slug` or change what `changes` names; returns it and whether it is new.

    `expected` is the `settings_version` that the caller has seen; None takes any. Raises NotAllowed,
    StaleVersion, or Invalid, naming the field, for a value the queue cannot have.
    """
    queue = ReviewQueue.objects.select_for_update(of=("self",)).filter(slug=slug).first()
    _ensure_operator(by, surface)
    _ensure_seen(queue, expected)
    created = queue is None
    queue = queue or ReviewQueue(slug=slug, name=slug.replace("-", " ").capitalize())
    before = {name: getattr(queue, name) for name in changes}
    for name, value in changes.items():
        setattr(queue, name, value)
    try:
        queue.full_clean()
    except ValidationError as error:
        raise Invalid(_first(error)) from error
    try:
        with transaction.atomic():
            queue.save()
    except IntegrityError as error:
        raise Invalid(f"The queue {slug!r} was made by somebody else just now.") from error
    changed = {
        name: [None if created else _told(before[name]), _told(value)]
        for name, value in changes.items()
        if created or before[name] != value
    }
    if changed:
        kind = "queue.created" if created else "queue.changed"
        _record("queue", queue, kind, by, surface, changed)
    return queue, created


@transaction.atomic(durable=True)
def ask_check(queue_id: UUID, *, by: User | None, surface: str = Surface.COMMAND) -> QueueCheck:
    """Have a worker ask AWS about a queue; the row that is returned will hold the answer.

    Raises NotAllowed or NotFound.
    """
    queue = ReviewQueue.objects.select_for_update(of=("self",)).filter(pk=queue_id).first()
    if queue is None:
        raise NotFound
    _ensure_operator(by, surface)
    asked, _ = QueueCheck.objects.update_or_create(
        queue=queue, defaults={"asked_at": database_time.now()}
    )
    _record("queue", queue, "queue.check_asked", by, surface, {})
    wake_ups.after_commit(wake_ups.CHECK, queue.pk, queue=queue.slug)
    return asked


@transaction.atomic(durable=True)
def create_user(
    email: str,
    *,
    by: User | None,
    kind: str = User.Kind.PERSON,
    password: str | None = None,
    name: str = "",
    surface: str = Surface.COMMAND,
) -> User:
    """Make a user; without a password, nobody can sign in as them until they set one.

    Raises NotAllowed, or Invalid where the e-mail is none or is taken.
    """
    _ensure_operator(by, surface)
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password, kind=kind, name=name)
    except ValidationError as error:
        raise Invalid(_first(error)) from error
    except IntegrityError as error:
        raise Invalid(f"{email} was made by somebody else just now.") from error
    _record("user", user, "user.created", by, surface, {"email": user.email, "kind": user.kind})
    return user


@transaction.atomic(durable=True)
def grant(
    user: User, queue_slug: str, role: str, *, by: User | None, surface: str = Surface.COMMAND
) -> QueueMembership:
    """Give a user a role in a queue, in place of the one they had.

    Raises NotAllowed, NotFound for an unknown queue and Invalid for an unknown role.
    """
    if role not in QueueMembership.Role.values:
        raise Invalid(f"No role {role!r}: choose {', '.join(QueueMembership.Role.values)}.")
    user = User.objects.select_for_update().get(pk=user.pk)
    _ensure_operator(by, surface)
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
    """Give a user a right outside queues: orders, auditor or operator.

    Raises NotAllowed, or Invalid for another right.
    """
    if right not in policy.SITE_GROUPS:
        raise Invalid(f"No site right {right!r}: choose {', '.join(policy.SITE_GROUPS)}.")
    user = User.objects.select_for_update().get(pk=user.pk)
    _ensure_operator(by, surface)
    user.groups.add(Group.objects.get(name=right))
    _record("user", user, "site_right.granted", by, surface, {"right": right})


@transaction.atomic(durable=True)
def issue_token(
    user: User,
    name: str,
    *,
    by: User | None,
    scopes: Sequence[str] = (),
    surface: str = Surface.COMMAND,
) -> str:
    """Make an API token of a user and return it; only its digest is kept. No scope means all.

    Raises NotAllowed, or Invalid where the name is empty, this user has a token of that name, the
    account is not active, or a scope is unknown.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    _ensure_operator(by, surface)
    if surface == Surface.ADMIN and user.kind == User.Kind.PERSON and user != by:
        # Whoever sees a token decides in its owner's name.
        raise Invalid(f"{user.email} is a person: they issue their own, or create_api_token does.")
    name = name.strip()
    if not name.strip(".") or len(name) > 100 or not name.isprintable():
        raise Invalid("A token needs a name of at most 100 characters that can be shown.")
    if ApiToken.objects.filter(user=user, name=name).exists():
        raise Invalid(f"{user.email} has a token named {name!r} already: choose another name.")
    if not user.is_active:
        raise Invalid(f"{user.email} has been deactivated: a token of theirs would open nothing.")
    if unknown := set(scopes) - set(ApiToken.Scope.values):
        raise Invalid(f"No scope {min(unknown)!r}: choose {', '.join(ApiToken.Scope.values)}.")
    _, token = ApiToken.objects.create(user=user, name=name, scopes=list(scopes))
    _record("user", user, "token.issued", by, surface, {"name": name, "scopes": list(scopes)})
    return str(token)


@transaction.atomic(durable=True)
def issue_secret(
    name: str, queue_slug: str | None = None, *, by: User | None, surface: str = Surface.COMMAND
) -> str:
    """Make a secret for signed webhooks and return it, `whsec_...`; it is kept sealed.

    With a queue it is good for that queue's reviews alone. Several of one name may be active, so
    that the sender can change over. Raises NotAllowed, NotFound for an unknown queue, or Invalid for
    a name that cannot be shown or that signs for another queue already.
    """
    queue = None
    if queue_slug is not None:
        queue = ReviewQueue.objects.select_for_update(of=("self",)).filter(slug=queue_slug).first()
        if queue is None:
            raise NotFound(f"No queue {queue_slug!r}: register_queue makes one.")
    _ensure_operator(by, surface)
    name = name.strip()
    if not name or len(name) > 100 or not name.isprintable():
        raise Invalid("A secret needs a name of at most 100 characters that can be shown.")
    # One name is one sender, whose ids must not mean one thing here and another there.
    _lock_sender(name)
    if WebhookSecret.objects.filter(name=name, revoked_at=None).exclude(queue=queue).exists():
        raise Invalid(f"{name!r} signs for other reviews already: choose another name.")
    text = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    row = WebhookSecret(name=name, queue=queue, created_by=by)
    row.sealed_secret = tokens.seal(text.encode(), row=row.pk, column="sealed_secret")
    row.save(force_insert=True)
    _record_secret(row, "webhook_secret.issued", by, surface)
    return text


@transaction.atomic(durable=True)
def revoke_secret(
    secret_id: UUID, *, by: User | None, surface: str = Surface.COMMAND
) -> WebhookSecret:
    """End a webhook secret: what it signs is refused from now on, replays included.

    Raises NotAllowed, NotFound, or Invalid where it was revoked before.
    """
    bound = ReviewQueue.objects.filter(webhook_secrets=secret_id)
    ReviewQueue.objects.select_for_update(of=("self",)).filter(pk__in=bound).first()
    row = WebhookSecret.objects.select_for_update(of=("self",)).filter(pk=secret_id).first()
    if row is None:
        raise NotFound
    _ensure_operator(by, surface)
    if row.revoked_at is not None:
        raise Invalid("This secret has been revoked already.")
    row.revoked_at = database_time.now()
    row.save(update_fields=["revoked_at"])
    _record_secret(row, "webhook_secret.revoked", by, surface)
    return row


def _record_secret(row: WebhookSecret, kind: str, by: User | None, surface: str) -> None:
    """On the chain of the secret's queue; a secret for all queues has a chain of its own."""
    told = {"name": row.name, "secret": str(row.pk)}
    if row.queue is not None:
        _record("queue", row.queue, kind, by, surface, told)
    else:
        _record("webhook", row, kind, by, surface, told)


def _lock_sender(name: str) -> None:
    """Of two who ask for the same sender's name at once, one waits until the other has ended."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"webhook:{name}"])


def _ensure_seen(queue: ReviewQueue | None, expected: int | None) -> None:
    """Under the queue's lock: nobody changes its settings between this look and the write."""
    if queue is None or expected is None:
        return
    if settings_version(queue.pk) != expected:
        raise StaleVersion("Somebody has changed this queue since you looked at it.")


def _ensure_operator(by: User | None, surface: str) -> None:
    if by is not None:
        policy.may(policy.OPERATE, None, by, surface).or_raise()


def _told(value: Any) -> str:
    """A setting as the audit trail tells it: documents as JSON, everything else as its text."""
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _first(error: ValidationError) -> str:
    name, texts = next(iter(error.message_dict.items()))
    return texts[0] if name == "__all__" else f"{name}: {texts[0]}"


def _record(
    chain: str,
    row: User | ReviewQueue | WebhookSecret,
    kind: str,
    by: User | None,
    surface: str,
    data: Mapping[str, Any],
) -> None:
    audit.record(audit.chain_of(chain, row.pk), kind, by=by, surface=surface, data=data)
    log.info(kind, **{chain: str(row)})
