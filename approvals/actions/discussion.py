"""Comments on reviews."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from approvals import policy
from approvals.actors import Actor
from approvals.models import Comment, ReviewTask
from approvals.policy import Action
from approvals.records import audit, idempotency, tokens
from approvals.records.audit_kinds import AuditKind
from approvals.untrusted import typed_text

MAX_COMMENT = 4_000


@transaction.atomic(durable=True)
def comment(
    review_id: UUID, text: str, *, by: Actor, key: idempotency.Key | None = None
) -> Comment:
    """Add a comment to a review, whatever its status; the review's version stays.

    Raises NotFound, NotAllowed, or Invalid for a text that is empty, too long or not storable.
    """
    idempotency.keep(key)
    review = ReviewTask.objects.locked(review_id)
    policy.may(Action.COMMENT, review, by=by).or_raise()
    text = typed_text.checked(
        text.replace("\r\n", "\n"),
        field="text",
        longest=MAX_COMMENT,
        required="A comment needs a text.",
    )
    added = Comment.objects.create(
        review=review, by=by.person, text=tokens.redacted(text, review), surface=by.surface
    )
    idempotency.fill(key, added.pk)
    # The text is part of the audit chain, so that a changed comment is noticed.
    data = {"comment": str(added.pk), "text": added.text}
    audit.record(review, AuditKind.REVIEW_COMMENTED, by=by, data=data)
    return added
