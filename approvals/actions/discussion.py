"""Comments: what people say about a review, for whoever looks at it next."""

from __future__ import annotations

from uuid import UUID

import structlog
from django.db import transaction

from approvals import policy
from approvals.exceptions import Invalid
from approvals.models import Comment, ReviewTask, User
from approvals.records import audit, idempotency, tokens
from approvals.untrusted import strict_json

log = structlog.get_logger(__name__)

MAX_COMMENT = 4_000


@transaction.atomic(durable=True)
def comment(
    review_id: UUID, text: str, *, by: User, surface: str, receipt: idempotency.Key | None = None
) -> Comment:
    """Add a comment to a review, whatever its status; nobody's version of the review grows stale by it.

    Raises NotFound, NotAllowed, or Invalid for a text that is empty, too long or not storable.
    """
    idempotency.keep(receipt)
    review = ReviewTask.objects.locked(review_id)
    policy.may(policy.COMMENT, review, by, surface).or_raise()
    kept = tokens.redacted(_checked(text), review)
    said = Comment.objects.create(review=review, by=by, text=kept, surface=surface)
    idempotency.fill(receipt, said.pk)
    # The text itself stands in the chain, so that a comment cannot be changed unnoticed.
    audit.record(
        audit.chain_of("review", review.pk),
        "review.commented",
        by=by,
        surface=surface,
        data={"comment": str(said.pk), "text": said.text},
    )
    log.info("review.commented", review=str(review.pk), by=by.email, surface=surface)
    return said


def _checked(text: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise Invalid("A comment needs a text.", pointer="/text")
    if len(text) > MAX_COMMENT:
        raise Invalid(f"A comment has at most {MAX_COMMENT} characters.", pointer="/text")
    try:
        strict_json.check_text(text)
    except strict_json.Unreadable as error:
        raise Invalid(error.explanation, pointer="/text") from None
    return text
