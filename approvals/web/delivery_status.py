"""What became of a decision, in words and as a small pipeline: decided is not delivered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from approvals import policy
from approvals.actors import Actor
from approvals.models import Decision, OutboxEntry, ReviewTask
from approvals.models.outbox import DeliveryState, Detail
from approvals.policy import Action

CALM, GOOD, WARN, BAD = "calm", "good", "warn", "bad"
FINAL = frozenset(DeliveryState) - {DeliveryState.WAITING, DeliveryState.SENDING}

TOLD: dict[tuple[str, str], tuple[str, str, str]] = {
    (DeliveryState.WAITING, Detail.UNDO_WINDOW): (
        CALM,
        "Waiting to be sent",
        "It can still be undone. Nothing has left for Step Functions.",
    ),
    (DeliveryState.WAITING, Detail.QUEUED): (
        CALM,
        "Waiting to be sent",
        "Next in line for Step Functions.",
    ),
    (DeliveryState.WAITING, Detail.RETRYING): (
        WARN,
        "Trying again",
        "Step Functions did not take it yet. It is sent again until an answer proves something.",
    ),
    (DeliveryState.WAITING, Detail.BREAKER_OPEN): (
        WARN,
        "On hold",
        "Step Functions is refusing calls just now. It is sent as soon as that ends.",
    ),
    (DeliveryState.SENDING, ""): (CALM, "Sending", "The call to Step Functions is under way."),
    (DeliveryState.DELIVERED, Detail.ACKNOWLEDGED): (
        GOOD,
        "Delivered",
        "Step Functions acknowledged it. The workflow has moved on.",
    ),
    (DeliveryState.DELIVERED, Detail.PROVED_BY_HISTORY): (
        GOOD,
        "Delivered",
        "The answer to our call was lost, but the execution's history holds this decision.",
    ),
    (DeliveryState.CLOSED_ELSEWHERE, Detail.EXPIRED): (
        BAD,
        "Too late",
        "Step Functions had stopped waiting before this arrived. The order took the timeout road.",
    ),
    (DeliveryState.CLOSED_ELSEWHERE, Detail.ABORTED): (
        BAD,
        "Execution was stopped",
        "Somebody stopped the execution before this arrived. It had no effect.",
    ),
    (DeliveryState.CLOSED_ELSEWHERE, Detail.EXECUTION_ENDED): (
        BAD,
        "Execution had ended",
        "The execution was over before this arrived. It had no effect.",
    ),
    (DeliveryState.CLOSED_ELSEWHERE, Detail.OTHER_PARTY): (
        BAD,
        "Answered by somebody else",
        "Another program answered this step first. This decision had no effect.",
    ),
    (DeliveryState.UNCONFIRMED, Detail.NO_EXECUTION_ARN): (
        WARN,
        "Unconfirmed",
        (
            "The step is closed, but the message named no execution, so nobody can tell whether by this"
            " decision. Look at the order itself."
        ),
    ),
    (DeliveryState.UNCONFIRMED, Detail.HISTORY_UNREADABLE): (
        WARN,
        "Unconfirmed",
        (
            "Step Functions reports the step closed, and the execution's history has not been read, so"
            " nobody can tell yet whether by this decision. Look at the order itself."
        ),
    ),
    (DeliveryState.UNCONFIRMED, Detail.HISTORY_GONE): (
        WARN,
        "Unconfirmed",
        (
            "The step is closed, and its execution's history is no longer kept. Look at the order"
            " itself."
        ),
    ),
    (DeliveryState.PARKED, Detail.INVALID_TOKEN): (
        BAD,
        "Needs an operator",
        "Step Functions does not know this step's token. The decision is kept.",
    ),
    (DeliveryState.PARKED, Detail.INVALID_OUTPUT): (
        BAD,
        "Needs an operator",
        "Step Functions refused the content of this decision. The decision is kept.",
    ),
    (DeliveryState.PARKED, Detail.ACCESS_DENIED): (
        BAD,
        "Needs an operator",
        "AWS does not let Countersign answer this step. The decision is kept.",
    ),
    (DeliveryState.PARKED, Detail.KEY_MISSING): (
        BAD,
        "Needs an operator",
        "The key that opens this step's token is missing. The decision is kept.",
    ),
    (DeliveryState.UNDONE, Detail.UNDONE): (
        CALM,
        "Undone",
        "Taken back before it left. Step Functions never heard of it.",
    ),
}
UNTOLD = {
    DeliveryState.CLOSED_ELSEWHERE: (
        BAD,
        "Closed elsewhere",
        "The step was closed without this decision.",
    ),
    DeliveryState.UNCONFIRMED: (
        WARN,
        "Unconfirmed",
        "Nobody can tell whether this decision arrived.",
    ),
    DeliveryState.PARKED: (BAD, "Needs an operator", "It could not be sent. The decision is kept."),
    DeliveryState.DELIVERED: (GOOD, "Delivered", "Step Functions has it."),
    DeliveryState.UNDONE: (CALM, "Undone", "Taken back before it left."),
}
ICONS: dict[str, str] = {
    DeliveryState.WAITING: "clock",
    DeliveryState.SENDING: "paper-airplane",
    DeliveryState.DELIVERED: "check-circle",
    DeliveryState.CLOSED_ELSEWHERE: "link-slash",
    DeliveryState.UNCONFIRMED: "question-mark-circle",
    DeliveryState.PARKED: "wrench-screwdriver",
    DeliveryState.UNDONE: "arrow-uturn-left",
}


@dataclass(frozen=True)
class Step:
    """One station of the pipeline: done, current, ahead, skipped, good, warn or bad."""

    word: str
    state: str


@dataclass(frozen=True)
class Aftermath:
    """Where a decision stands on its way to Step Functions, and whether it can be taken back."""

    state: str
    detail: str
    tone: str
    word: str
    says: str
    steps: tuple[Step, ...]
    attempts: int
    ended_at: datetime | None
    undo_until: datetime | None
    again_on: ReviewTask | None = None

    @property
    def final(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.state in FINAL

    @property
    def icon(self) -> str:
        """The heroicon beside the word."""
        return ICONS.get(self.state, "question-mark-circle")

    @property
    def seen(self) -> str:
        """What a browser tells the server it shows already, so that only news is sent."""
        undoable = "u" if self.undo_until else ""
        return f"{self.state}.{self.detail}.{self.attempts}{undoable}"


def aftermath(
    decision: Decision, entry: OutboxEntry | None, actor: Actor, now: datetime
) -> Aftermath:
    """Read the outbox row of a decision; without a row the worst is assumed, never the best."""
    state, detail = entry.delivery if entry else (DeliveryState.UNCONFIRMED, "")
    if detail == Detail.UNDO_WINDOW and entry and entry.not_before <= now:
        detail = Detail.QUEUED
    tone, word, says = (
        TOLD.get((state, detail))
        or TOLD.get((state, ""))
        or UNTOLD.get(state, (WARN, state.replace("_", " ").capitalize(), detail))
    )
    return Aftermath(
        state=state,
        detail=detail,
        tone=tone,
        word=word,
        says=says,
        steps=_steps(decision, state, detail, tone, word),
        attempts=entry.attempts if entry else 0,
        ended_at=entry.ended_at if entry else None,
        undo_until=decision.undo_until if _undoable(decision, entry, actor, now) else None,
        again_on=_again_on(decision, state, actor),
    )


def entries(decisions: Iterable[UUID]) -> dict[UUID, OutboxEntry]:
    """The outbox row of each decision; no foreign key leads there, so a page fetches them at once."""
    rows = OutboxEntry.objects.filter(
        kind=OutboxEntry.Kind.CALLBACK, subject__in=list(decisions)
    ).defer("payload")
    return {row.subject: row for row in rows}


def _steps(decision: Decision, state: str, detail: str, tone: str, word: str) -> tuple[Step, ...]:
    window = decision.undo_until > decision.decided_at
    undone, in_window = state == DeliveryState.UNDONE, detail == Detail.UNDO_WINDOW
    undo = "current" if in_window else "done" if window else "skipped"
    if undone:
        return (Step("Decided", "done"), Step("Undone", "warn"), Step("Never sent", "skipped"))
    sending = "ahead" if in_window else "done" if state in FINAL else "current"
    if state == DeliveryState.WAITING and tone == WARN:
        sending = "warn"
    end = tone if state in FINAL else "ahead"
    return (
        Step("Decided", "done"),
        Step("Undo window" if window else "No undo window", undo),
        Step("Sending" if sending != "warn" else word, sending),
        Step(word if state in FINAL else "Delivered", end),
    )


def _again_on(decision: Decision, state: str, actor: Actor) -> ReviewTask | None:
    """The open review that asks the same again, where this decision found its token closed."""
    link = decision.review.superseded_by_id if state == DeliveryState.CLOSED_ELSEWHERE else None
    if link is None:
        return None
    newer = ReviewTask.objects.without_secrets().pending().filter(pk=link).first()
    if newer is None:
        return None
    return newer if policy.may(Action.DECIDE, newer, by=actor).allowed else None


def _undoable(decision: Decision, entry: OutboxEntry | None, actor: Actor, now: datetime) -> bool:
    """Whether the button is worth showing; the verb decides again, by the row's count."""
    if entry is None or decision.undone_at is not None or decision.undo_until <= now:
        return False
    if entry.state != OutboxEntry.State.WAITING or entry.attempts:
        return False
    right = Action.DECIDE if decision.by_id == actor.person.pk else Action.OVERRIDE
    return policy.may(right, decision.review, by=actor).allowed
