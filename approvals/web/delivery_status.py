"""What became of a decision: its delivery state in words, the stages of its delivery, what can be done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from approvals.models import Decision, OutboxEntry, ReviewTask
from approvals.models.outbox import DeliveryState, Detail
from approvals.policy import Action
from approvals.web import delivery_descriptions
from approvals.web.access import Access
from approvals.web.delivery_descriptions import WARN

FINAL_STATES = frozenset(DeliveryState) - {DeliveryState.WAITING, DeliveryState.SENDING}


@dataclass(frozen=True)
class Stage:
    """One stage of the delivery; `state` is done, current, ahead, skipped, good, warn or bad."""

    label: str
    state: str


@dataclass(frozen=True)
class DeliveryStatus:
    """How far a decision's delivery is, in words, and what this person can do about it.

    `undo_until` is None if this person cannot undo the decision (any more). `reapply_to` is the id of an
    open review of the same step, if this decision came too late for its own.
    """

    state: DeliveryState
    detail: str
    tone: str
    label: str
    description: str
    stages: tuple[Stage, ...]
    attempts: int
    ended_at: datetime | None
    undo_until: datetime | None
    reapply_to: UUID | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.state in FINAL_STATES

    @property
    def icon(self) -> str:
        """The name of the heroicon beside the label."""
        return delivery_descriptions.ICONS[self.state]

    @property
    def seen(self) -> str:
        """What a browser sends back to say what it shows already, so that only a change is answered."""
        undoable = "u" if self.undo_until else ""
        return f"{self.state}.{self.detail}.{self.attempts}{undoable}"


def delivery_status(
    decision: Decision,
    entry: OutboxEntry | None,
    access: Access,
    now: datetime,
    *,
    newer: ReviewTask | None = None,
) -> DeliveryStatus:
    """The status by a decision's outbox entry; without an entry it counts as unconfirmed.

    `newer` is the newest review of the same step, if it is another one and open.
    """
    state, detail = entry.delivery if entry else (DeliveryState.UNCONFIRMED, "")
    if detail == Detail.UNDO_WINDOW and entry and entry.not_before <= now:
        detail = Detail.QUEUED
    tone, label, description = delivery_descriptions.describe(state, detail)
    return DeliveryStatus(
        state=state,
        detail=detail,
        tone=tone,
        label=label,
        description=description,
        stages=_stages(decision, state, detail, tone, label),
        attempts=entry.attempts if entry else 0,
        ended_at=entry.ended_at if entry else None,
        undo_until=decision.undo_until if _undoable(decision, entry, access, now) else None,
        reapply_to=_reapply_to(state, access, newer),
    )


def _stages(
    decision: Decision, state: DeliveryState, detail: str, tone: str, label: str
) -> tuple[Stage, ...]:
    if state == DeliveryState.UNDONE:
        return (Stage("Decided", "done"), Stage("Undone", "warn"), Stage("Never sent", "skipped"))
    has_window = decision.undo_until > decision.decided_at
    in_window, is_final = detail == Detail.UNDO_WINDOW, state in FINAL_STATES
    undo = "current" if in_window else "done" if has_window else "skipped"
    sending = "ahead" if in_window else "done" if is_final else "current"
    if state == DeliveryState.WAITING and tone == WARN:
        sending = "warn"
    return (
        Stage("Decided", "done"),
        Stage("Undo window" if has_window else "No undo window", undo),
        Stage("Sending" if sending != "warn" else label, sending),
        Stage(label, tone) if is_final else Stage("Delivered", "ahead"),
    )


def _reapply_to(state: DeliveryState, access: Access, newer: ReviewTask | None) -> UUID | None:
    """The open review of the same step that this person may decide, if the decision came too late."""
    if state != DeliveryState.CLOSED_ELSEWHERE or newer is None:
        return None
    return newer.pk if access.may(Action.DECIDE, newer).allowed else None


def _undoable(decision: Decision, entry: OutboxEntry | None, access: Access, now: datetime) -> bool:
    """Whether to show the button; `decisions.undo` checks the outbox row again under its lock."""
    if entry is None or decision.undone_at is not None or decision.undo_until <= now:
        return False
    if entry.state != OutboxEntry.State.WAITING or entry.attempts:
        return False
    return access.may_undo(decision).allowed
