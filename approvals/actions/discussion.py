"""Comments on reviews."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from approvals import policy
from approvals.actors import Actor, ensure_user
from approvals.exceptions import NotFound
from approvals.models import Comment, Mention, ReviewTask, User
from approvals.models.ids import uuid7
from approvals.policy import Action
from approvals.records import audit, idempotency, locked_rows, tokens
from approvals.records.audit_kinds import AuditKind
from approvals.records.unit_of_work import UnitOfWork
from approvals.untrusted import comment_text, typed_text

MAX_COMMENT = 4_000


@transaction.atomic(durable=True)
def comment(
    review_id: UUID, text: str, *, by: Actor, key: idempotency.Key | None = None
) -> Comment:
    """Add a comment to a review, whatever its status; the review's version stays.

    `@ada` and `@ada@example.com` mention people who may see the review, but for the writer.

    Raises NotFound, NotAllowed, or Invalid for a text that is empty, too long or not storable.
    """
    comment_id = uuid7()
    idempotency.keep(key, comment_id)
    locked = locked_rows.review(review_id, by=by)
    policy.may(Action.COMMENT, locked, by=by).or_raise()
    text = typed_text.checked(
        text.replace("\r\n", "\n"),
        field="text",
        longest=MAX_COMMENT,
        required="A comment needs a text.",
    )
    work = UnitOfWork()
    added = Comment(
        id=comment_id,
        review=locked.row,
        by=by.person,
        text=tokens.redacted(text, locked.row),
        surface=by.surface,
    )
    work.insert(added)
    # The text is part of the audit chain, so that a changed comment is noticed.
    data: dict[str, Any] = {"comment": str(added.pk), "text": added.text}
    mentioned = _mentioned(locked.row, added.text, by)
    for user in mentioned:
        work.insert(Mention(comment=added, user=user))
    data |= {"mentioned": [user.email for user in mentioned]} if mentioned else {}
    audit.record(work, locked.chain, AuditKind.REVIEW_COMMENTED, by=by, data=data)
    work.write()
    return added


@transaction.atomic(durable=True)
def dismiss(mention_id: UUID, *, by: Actor) -> None:
    """Take a mention of the actor off their first page; again, it changes nothing.

    Raises NotFound for a mention of somebody else, or in a review that the actor may not see.
    """
    review_id = (
        Mention.objects.filter(pk=mention_id, user=ensure_user(by))
        .values_list("comment__review", flat=True)
        .first()
    )
    if review_id is None:
        raise NotFound
    locked = locked_rows.review(review_id, by=by)
    policy.may(Action.SEE, locked, by=by).or_raise()
    mention = Mention.objects.get(pk=mention_id)  # it changes under the review's lock alone
    if mention.dismissed_at is not None:
        return
    mention.dismissed_at = locked.now
    work = UnitOfWork()
    work.update(mention, "dismissed_at")
    data = {"comment": str(mention.comment_id)}
    audit.record(work, locked.chain, AuditKind.REVIEW_MENTION_DISMISSED, by=by, data=data)
    work.write()


def _mentioned(review: ReviewTask, text: str, by: Actor) -> list[User]:
    """The people whom a text mentions and who may see the review, but for its writer."""
    names = comment_text.names(text)
    if not names:
        return []
    meant = Q(pk__in=[])
    for name in names:
        meant |= Q(email=name) if "@" in name else Q(email__startswith=f"{name}@")
    people = policy.members_of(review).filter(meant).exclude(pk=by.person.pk)
    return list(people.order_by("email")[: comment_text.MAX_NAMES])
