"""Refusals in plain words: what happened, and what the person can do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.utils.dateparse import parse_datetime

from approvals.actors import SYSTEM_NAME
from approvals.exceptions import ApprovalsError
from approvals.web.access import Access
from approvals.web.relative_times import local


@dataclass(frozen=True)
class RefusalText:
    """A refusal as a page shows it; `code` is that of the error, `advice` may be empty."""

    code: str
    title: str
    description: str
    advice: str


Texts = tuple[str, str, str]  # title, description, advice


def refusal_text(error: ApprovalsError, access: Access) -> RefusalText:
    """The words for an error, addressed to the person who was refused, with times in their zone."""
    texts = TEXTS.get(error.code)
    if texts is None:
        return RefusalText(error.code, "That was refused", error.message, "")
    return RefusalText(error.code, *texts(error, access))


def _already_decided(error: ApprovalsError, access: Access) -> Texts:
    by, at = str(error.extra.get("by", "")), parse_datetime(str(error.extra.get("decided_at", "")))
    outcome = error.extra.get("outcome") or error.extra.get("status", "closed")
    if not by:
        return "This review is closed", f"It is {outcome}.", "Nothing you sent was recorded."
    who = "Countersign" if by == SYSTEM_NAME else by
    when = f" at {local(at, access.zone, 'H:i:s')}" if at else ""
    if by == access.actor.name:
        return "You have decided this already", f"You {outcome} it{when}.", "That decision stands."
    return (
        f"{who} was faster",
        f"{who} {outcome} it{when}. The first decision counts; yours was not recorded.",
        "What you wrote is kept below. If the decision is wrong, ask them or a lead to undo it.",
    )


def _claimed(error: ApprovalsError, access: Access) -> Texts:
    holder = error.extra.get("assignee")
    if holder == access.actor.name:
        return (
            "Your claim has changed",
            "You claimed this review again, perhaps in another window.",
            "Submit again: this page now holds the newer claim.",
        )
    if not holder:
        return (
            "Your claim has run out",
            "Nobody has claimed this review now.",
            "What you wrote is kept: claim it again and submit with one button.",
        )
    return (
        f"{holder} has claimed this review",
        f"{holder} is working on it.",
        "Ask them, or wait until the claim runs out. A lead can take it over.",
    )


def _fixed(title: str, advice: str) -> Callable[[ApprovalsError, Access], Texts]:
    """Texts with the error's own message as the description."""
    return lambda error, _access: (title, error.message, advice)


def _invalid(error: ApprovalsError, access: Access) -> Texts:
    latest = parse_datetime(str(error.extra.get("latest", "")))
    if latest:
        description = (
            f"The deadline comes first: {local(latest, access.zone, 'D j M, H:i:s')} is the latest."
        )
        return "This cannot be recorded", description, "Choose an earlier time."
    if error.extra.get("pointer") == "/cursor":
        return "This page of the list cannot be found", error.message, "Begin with its first page."
    return "This cannot be recorded", error.message, "Correct it and submit again."


TEXTS: Mapping[str, Callable[[ApprovalsError, Access], Texts]] = {
    "already_decided": _already_decided,
    "claimed_by_another": _claimed,
    "not_allowed": _fixed("Not allowed", ""),
    "deadline_passed": _fixed(
        "The deadline has passed",
        "Step Functions has stopped waiting, and the workflow took its timeout path.",
    ),
    "undo_closed": _fixed(
        "Too late to undo", "The decision stands. Correct its effect in the order itself."
    ),
    "stale_version": _fixed(
        "The review has changed",
        "Somebody claimed or released it since you opened this page. Look again, then submit again.",
    ),
    "order_conflict": _fixed(
        "The order's status does not allow this", "Look again at its status now."
    ),
    "invalid": _invalid,
    "unavailable": _fixed("Not available just now", "Nothing was recorded. Try again in a moment."),
}
