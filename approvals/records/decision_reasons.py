"""The reason of a decision: the text and the code, checked against what the queue offers and asks for."""

from __future__ import annotations

from typing import NamedTuple

from approvals.exceptions import Invalid
from approvals.models import ReviewTask
from approvals.models.choices import Outcome
from approvals.models.reason_codes import MAX_CODE, ReasonCode
from approvals.records import tokens
from approvals.untrusted import typed_text

MAX_REASON = 32_768


class Reason(NamedTuple):
    """A text and a code, each of which may be empty."""

    text: str
    code: str


def checked(review: ReviewTask, outcome: Outcome, text: str, code: str) -> Reason:
    """The reason of a vote, without task tokens; a code without a text brings its template.

    Raises Invalid for a code that the queue does not offer for this outcome, unless it offers none at all,
    for a text that cannot be stored, and for neither where the queue's policy asks for a reason.
    """
    typed_text.checked(code, field="reason_code", longest=MAX_CODE)
    chosen = _offered(review, outcome, code)
    verb = "approve" if outcome == Outcome.APPROVED else "reject"
    needed = review.queue.needs_reason(outcome)
    how = "choose or write a reason" if review.queue.codes_for(outcome) else "write a reason"
    text = typed_text.checked(
        chosen.text if chosen and not text.strip() else text,
        field="reason",
        longest=MAX_REASON,
        required=f"To {verb} in this queue, {how}." if needed else "",
    )
    return Reason(tokens.redacted(text, review), code)


def _offered(review: ReviewTask, outcome: Outcome, code: str) -> ReasonCode | None:
    """The reason code that was chosen; None if there is none, or the queue leaves codes to its callers."""
    if not code or not review.queue.reason_codes:
        return None
    offered = review.queue.codes_for(outcome)
    for each in offered:
        if each.code == code:
            return each
    names = ", ".join(each.code for each in offered) or "none"
    raise Invalid(f"The reason codes for this outcome are: {names}.", pointer="/reason_code")
