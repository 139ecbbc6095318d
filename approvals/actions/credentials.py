"""Credentials: API tokens and webhook secrets, shown once when issued, and revoked for good."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from approvals import policy
from approvals.actors import Actor
from approvals.exceptions import Invalid, NotFound
from approvals.models import (
    ApiToken,
    ReviewQueue,
    User,
    WebhookSecret,
)
from approvals.models.choices import Surface
from approvals.policy import Action
from approvals.records import audit, locked_rows, review_queues, statements, tokens
from approvals.records.audit import ChainEnd
from approvals.records.audit_kinds import AuditKind
from approvals.records.unit_of_work import UnitOfWork


@transaction.atomic(durable=True)
def issue_token(
    user: User,
    name: str,
    *,
    by: Actor,
    scopes: Sequence[str] = (),
    days: int | None = None,
) -> str:
    """Issue an API token of a user and return it; only its digest is stored. No scope means all.

    It expires after `days`, which are at most API_TOKEN_DAYS and by default so many; never if both say
    nothing. Raises NotAllowed, or Invalid if the name is empty, this user has a token of that name, the
    account is not active, or a scope or the days are none that can be had.
    """
    locked = locked_rows.row(User, user.pk, by=by)
    user = locked.row
    policy.may_keep_tokens(locked, by=by).or_raise()
    if by.surface == Surface.ADMIN and user.kind == User.Kind.PERSON and user != by.user:
        # A token decides in its owner's name, and the admin site shows it to the operator.
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
    valid_for = _valid_for(days)
    row, token = ApiToken.objects.create(
        user=user, name=name, scopes=list(scopes), expiry=valid_for
    )  # knox writes it
    work = UnitOfWork()
    data: dict[str, Any] = {"name": name, "scopes": list(scopes)}
    data |= {"expires_at": row.expiry.isoformat()} if row.expiry else {}
    audit.record(work, locked.chain, AuditKind.TOKEN_ISSUED, by=by, data=data)
    work.write()
    return str(token)


def _valid_for(days: int | None) -> timedelta | None:
    """How long a new token is valid; None for ever. Raises Invalid for more than is allowed."""
    longest = settings.API_TOKEN_DAYS
    if days is not None and not 1 <= days <= (longest or 3_650):
        raise Invalid(f"A token is valid for 1 to {longest or 3_650} days.")
    return timedelta(days=longest if days is None else days) or None


@transaction.atomic(durable=True)
def revoke_token(user: User, name: str, *, by: Actor) -> ApiToken:
    """Revoke an API token of a user; its row stays, so that its name is not used again.

    Raises NotAllowed, NotFound for an unknown token and Invalid if it was revoked before.
    """
    locked = locked_rows.row(User, user.pk, by=by)
    user = locked.row
    policy.may_keep_tokens(locked, by=by).or_raise()
    token: ApiToken | None = ApiToken.objects.filter(user=user, name=name).first()
    if token is None:
        raise NotFound(f"{user.email} has no token named {name!r}.")
    if token.revoked_at is not None:
        raise Invalid(f"The token {name!r} of {user.email} has been revoked already.")
    token.revoked_at = locked.now
    work = UnitOfWork()
    work.update(token, "revoked_at")
    audit.record(work, locked.chain, AuditKind.TOKEN_REVOKED, by=by, data={"name": name})
    work.write()
    return token


@transaction.atomic(durable=True)
def issue_secret(name: str, queue_slug: str | None = None, *, by: Actor) -> str:
    """Issue a secret for signed webhooks and return it, `whsec_...`; it is stored sealed.

    With a queue it is good for that queue's reviews alone. Several of one name may be active, so
    that the sender can change over. Raises NotAllowed, NotFound for an unknown queue, or Invalid for
    a name that cannot be shown or that signs for another queue already.
    """
    queue = None if queue_slug is None else review_queues.locked(queue_slug, by=by).row
    policy.may(Action.OPERATE, None, by=by).or_raise()
    name = name.strip()
    if not name or len(name) > 100 or not name.isprintable():
        raise Invalid("A secret needs a name of at most 100 characters that can be shown.")
    # One name is one sender: its message ids must not stand for different reviews.
    statements.lock_name(f"webhook:{name}")
    if WebhookSecret.objects.filter(name=name, revoked_at=None).exclude(queue=queue).exists():
        raise Invalid(f"{name!r} signs for other reviews already: choose another name.")
    text = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    row = WebhookSecret(name=name, queue=queue, created_by=by.user)
    row.sealed_secret = tokens.seal(text.encode(), row=row.pk, column="sealed_secret")
    work = UnitOfWork()
    work.insert(row)
    _record_secret(work, _secret_chain(row), row, AuditKind.WEBHOOK_SECRET_ISSUED, by)
    work.write()
    return text


@transaction.atomic(durable=True)
def revoke_secret(secret_id: UUID, *, by: Actor) -> WebhookSecret:
    """Revoke a webhook secret: what it signs is refused from now on, repeated messages included.

    Raises NotAllowed, NotFound, or Invalid if it was revoked before.
    """
    bound = ReviewQueue.objects.filter(webhook_secrets=secret_id)
    ReviewQueue.objects.select_for_update(of=("self",)).filter(pk__in=bound).first()
    row = WebhookSecret.objects.select_for_update(of=("self",)).filter(pk=secret_id).first()
    if row is None:
        raise NotFound
    policy.may(Action.OPERATE, None, by=by).or_raise()
    if row.revoked_at is not None:
        raise Invalid("This secret has been revoked already.")
    end, work = _secret_chain(row), UnitOfWork()
    row.revoked_at = end.now
    work.update(row, "revoked_at")
    _record_secret(work, end, row, AuditKind.WEBHOOK_SECRET_REVOKED, by)
    work.write()
    return row


def _secret_chain(row: WebhookSecret) -> ChainEnd:
    """The chain of the secret's queue; a secret for all queues has its own chain."""
    return audit.end_of(row if row.queue is None else row.queue)


def _record_secret(
    work: UnitOfWork, end: ChainEnd, row: WebhookSecret, kind: AuditKind, by: Actor
) -> None:
    data = {"name": row.name, "secret": str(row.pk)}
    audit.record(work, end, kind, by=by, data=data, webhook=row.name)
