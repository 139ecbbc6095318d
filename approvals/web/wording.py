"""Plain words for what the rows say: deadlines with their consequence, refusals, the timeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.dateparse import parse_datetime

from approvals.actors import SYSTEM_NAME, Actor
from approvals.exceptions import ApprovalsError
from approvals.models import AuditEvent, ReviewTask
from approvals.models.choices import Outcome
from approvals.models.review_queues import ReviewQueue

CRITICAL = timedelta(minutes=5)
AT_DEADLINE: Mapping[str, str] = {
    ReviewQueue.AtDeadline.REJECT: "rejects",
    ReviewQueue.AtDeadline.APPROVE: "approves",
}


@dataclass(frozen=True)
class Deadline:
    """When Step Functions stops waiting, how near that is, and what happens then."""

    at: datetime
    tone: str
    icon: str
    word: str
    consequence: str


@dataclass(frozen=True)
class Told:
    """A refusal in plain words: what happened, and what there is to do."""

    code: str
    title: str
    says: str
    advice: str


def deadline(review: ReviewTask, now: datetime) -> Deadline:
    """A review's deadline by the database's clock; a default one never claims to know."""
    at, left = review.deadline_at, review.deadline_at - now
    if review.status != ReviewTask.Status.PENDING:
        return Deadline(at, "calm", "clock", "Deadline", "The review is closed.")
    if review.deadline_source == ReviewTask.DeadlineSource.DEFAULT:
        return _assumed(review, left)
    if left <= timedelta(0):
        return Deadline(
            at,
            "passed",
            "no-symbol",
            "Passed",
            "Step Functions has stopped waiting, so a decision can no longer reach the order. It"
            " took the workflow's timeout road.",
        )
    then = _consequence(review, left)
    if left <= CRITICAL:
        return Deadline(at, "critical", "exclamation-triangle", "Closing", then)
    if left * 4 <= at - review.sent_at:
        return Deadline(at, "soon", "bell-alert", "Due soon", then)
    return Deadline(at, "calm", "clock", "Due", then)


def _consequence(review: ReviewTask, left: timedelta) -> str:
    """What happens when the time is up, by the queue's rule for that."""
    rule = AT_DEADLINE.get(review.queue.at_deadline)
    if rule:
        margin = span(review.margin_before_deadline)
        return (
            f"Step Functions stops waiting in {span(left)}. If nobody has decided {margin} before"
            f" that, the queue {rule} it by itself."
        )
    return f"Step Functions stops waiting in {span(left)}; the order then takes the workflow's timeout road."


def _assumed(review: ReviewTask, left: timedelta) -> Deadline:
    if left <= timedelta(0):
        return Deadline(
            review.deadline_at,
            "guess",
            "question-mark-circle",
            "Perhaps passed",
            "The message gave no deadline, and the queue's own has passed: AWS may already have"
            " closed this. A decision is still tried.",
        )
    return Deadline(
        review.deadline_at,
        "guess",
        "question-mark-circle",
        "Perhaps",
        f"The message gave no deadline; this queue assumes {span(review.deadline_at - review.sent_at)}"
        " from its arrival. AWS may close it sooner or later than that.",
    )


def span(length: timedelta) -> str:
    """A length of time in one rounded unit: `12 min`, `3 h`, `2 d`."""
    seconds = abs(int(length.total_seconds()))
    for size, unit in ((172_800, 86_400), (5_400, 3_600), (90, 60)):
        if seconds >= size:
            return f"{round(seconds / unit)} {({86_400: 'd', 3_600: 'h', 60: 'min'})[unit]}"
    return f"{seconds} s"


def consequence(review: ReviewTask, outcome: Outcome) -> str:
    """What this outcome does to the workflow, by the queue's settings."""
    if outcome == Outcome.APPROVED:
        return "The step succeeds and the workflow goes on, with your name on the approval."
    if review.queue.reject_as == ReviewQueue.RejectAs.RESULT:
        return "The step succeeds with the result “rejected”, and the workflow takes that road."
    return (
        f"The step fails with the error {review.queue.error_name}, your reason as its cause, and the"
        " workflow takes the road it keeps for that."
    )


# --- refusals


def refusal(error: ApprovalsError, actor: Actor) -> Told:
    """A refusal as a reviewer reads it."""
    say = REFUSALS.get(error.code)
    if say is None:
        return Told(error.code, "That was refused", error.message, "")
    title, says, advice = say(error, actor)
    return Told(error.code, title, says, advice)


def _already_decided(error: ApprovalsError, actor: Actor) -> tuple[str, str, str]:
    by, at = str(error.extra.get("by", "")), parse_datetime(str(error.extra.get("decided_at", "")))
    outcome = error.extra.get("outcome") or error.extra.get("status", "closed")
    if not by:
        return "This review is closed", f"It is {outcome}.", "Nothing you sent was recorded."
    who = "Countersign" if by == SYSTEM_NAME else by
    when = f" at {at:%H:%M:%S} UTC" if at else ""
    if by == actor.name:
        return "You have decided this already", f"You {outcome} it{when}.", "That decision stands."
    return (
        f"{who} was faster",
        f"{who} {outcome} it{when}. The first decision counts; yours was not recorded.",
        "What you wrote is kept below. If the decision is wrong, ask them or a lead to undo it.",
    )


def _claimed(error: ApprovalsError, actor: Actor) -> tuple[str, str, str]:
    who = error.extra.get("assignee")
    if who == actor.name:
        return (
            "Your claim has changed",
            "You hold this review under a newer claim, perhaps in another window.",
            "Submit again: this page now holds the newer claim.",
        )
    if not who:
        return "Your claim has run out", "Nobody holds this review now.", "Claim it again."
    return (
        f"{who} holds this review",
        f"{who} claimed it and is working on it.",
        "Ask them, or wait until the claim runs out. A lead can take it over.",
    )


def _fixed(title: str, advice: str) -> Callable[[ApprovalsError, Actor], tuple[str, str, str]]:
    return lambda error, _actor: (title, error.message, advice)


REFUSALS: Mapping[str, Callable[[ApprovalsError, Actor], tuple[str, str, str]]] = {
    "already_decided": _already_decided,
    "claimed_by_another": _claimed,
    "not_allowed": _fixed("You may not do this", ""),
    "deadline_passed": _fixed(
        "The deadline has passed",
        "The order took the workflow's timeout road; look there for what became of it.",
    ),
    "undo_closed": _fixed(
        "Too late to undo", "The decision stands. Correct its effect in the order itself."
    ),
    "stale_version": _fixed(
        "The review has changed",
        "Somebody claimed or released it since you opened this page. Look again, then submit again.",
    ),
    "order_conflict": _fixed("The order stands otherwise", "Look again at how it stands now."),
    "invalid": _fixed("This cannot be recorded", "Correct it and submit again."),
    "unavailable": _fixed("Not right now", "Nothing was recorded. Try again in a moment."),
}


# --- the timeline


@dataclass(frozen=True)
class Happening:
    """One line of the timeline."""

    at: datetime
    who: str
    icon: str
    tone: str
    says: str
    via: str = ""
    note: str = ""


SENTENCES: Mapping[str, tuple[str, str, str]] = {
    "review.received": ("inbox-arrow-down", "calm", "Arrived from SQS"),
    "review.claimed": ("hand-raised", "calm", "Claimed"),
    "review.reassigned": ("arrows-right-left", "calm", "Handed over"),
    "review.commented": ("chat-bubble-left", "calm", "Commented"),
    "review.released": ("hand-raised", "calm", "Released"),
    "review.approved": ("check", "good", "Approved"),
    "review.rejected": ("x-mark", "bad", "Rejected"),
    "vote.cast": ("check", "calm", "Voted"),
    "decision.undone": ("arrow-uturn-left", "warn", "Undone before it was sent"),
    "callback.retrying": ("arrow-path", "warn", "Not delivered yet, trying again"),
    "callback.delivered": ("paper-airplane", "good", "Delivered to Step Functions"),
    "callback.closed_elsewhere": ("link-slash", "bad", "The step was closed without this decision"),
    "callback.unconfirmed": ("question-mark-circle", "warn", "Delivery cannot be confirmed"),
    "callback.parked": (
        "wrench-screwdriver",
        "bad",
        "Could not be delivered, an operator is needed",
    ),
    "callback.requeued": ("arrow-path", "calm", "Put back in line by an operator"),
    "review.lease_ended": ("clock", "calm", "The claim ran out"),
    "review.newer_arrived": ("arrow-path", "warn", "A newer review of the same step has come"),
    "review.succeeded": ("arrow-path", "calm", "Stands in the place of an older review"),
    "review.expired": ("no-symbol", "bad", "Expired: Step Functions stopped waiting"),
    "review.superseded": ("arrow-path", "calm", "Superseded by a newer review of the same step"),
    "review.orphaned": ("link-slash", "warn", "Its execution has ended"),
    "order.accepted": ("inbox-arrow-down", "calm", "Accepted"),
    "order.started": ("play", "calm", "Its execution started"),
    "order.refused": ("no-symbol", "bad", "Step Functions refused to start it"),
    "order.requeued": ("arrow-path", "calm", "Put back in line by an operator"),
    "order.running": ("play", "calm", "Running again"),
    "order.succeeded": ("check", "good", "Succeeded"),
    "order.failed": ("x-mark", "bad", "Failed"),
    "order.timed_out": ("clock", "bad", "Timed out"),
    "order.aborted": ("no-symbol", "bad", "Its execution was stopped"),
    "order.restart_asked": ("arrow-path", "calm", "Asked for a restart"),
    "order.redriven": ("arrow-path", "good", "Redriven by Step Functions"),
    "order.redrive_not_needed": ("information-circle", "warn", "A redrive was not needed any more"),
    "order.not_redrivable": ("arrow-path", "warn", "Step Functions could not redrive it"),
    "order.redrive_refused": ("x-mark", "bad", "Step Functions refused the redrive"),
    "order.restarted": ("arrow-path", "calm", "Began anew as a next attempt"),
    "order.stop_asked": ("stop", "calm", "Asked for a stop"),
    "order.stopped": ("stop", "warn", "Stopped"),
    "order.stop_came_late": ("information-circle", "warn", "The stop came too late"),
    "order.stop_refused": ("x-mark", "bad", "Step Functions refused the stop"),
}


VIA = {
    "api": "through the API",
    "webhook": "through a webhook",
    "admin": "in the admin site",
    "command": "by a command",
}


def happening(event: AuditEvent) -> Happening:
    """An audit event in plain words; a kind nobody has written a sentence for is shown as it is."""
    icon, tone, says = SENTENCES.get(
        event.kind, ("information-circle", "calm", event.kind.replace(".", " ").replace("_", " "))
    )
    data: dict[str, Any] = event.data
    if event.kind == "review.reassigned":
        says = f"Handed to {data.get('to')}"
    elif data.get("taken_from"):
        says = f"Taken over from {data['taken_from']}"
    if data.get("overridden"):
        says += f", over the claim of {data['overridden']}"
    note = str(data.get("reason") or data.get("error") or "")
    if data.get("error_code"):
        note = f"AWS answered {data['error_code']}"
    who = event.actor.display if event.actor else "Countersign"
    return Happening(event.at, who, icon, tone, says, VIA.get(event.surface, ""), note)
