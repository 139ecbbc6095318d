"""Comments on reviews."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from approvals import policy
from approvals.actors import Actor
from approvals.models import Comment
from approvals.models.ids import uuid7
from approvals.policy import Action
from approvals.records import audit, idempotency, locked_rows, tokens
from approvals.records.audit_kinds import AuditKind
from approvals.records.unit_of_work import UnitOfWork
from approvals.untrusted import typed_text

MAX_COMMENT = 4_000


@transaction.atomic(durable=True)
def comment(
    review_id: UUID, text: str, *, by: Actor, key: idempotency.Key | None = None
) -> Comment:
    """Add a comment to a review, whatever its status; the review's version stays.

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
    data = {"comment": str(added.pk), "text": added.text}
    audit.record(work, locked.chain, AuditKind.REVIEW_COMMENTED, by=by, data=data)
    work.write()
    return added
