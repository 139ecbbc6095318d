"""The timeline on the page of a review or an order: the events of its audit chain in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime

from approvals import broken_rows
from approvals.broken_rows import BrokenRow
from approvals.models import AuditEvent, OrderExecution, ReviewTask
from approvals.models.choices import Surface
from approvals.records import audit, event_digests
from approvals.records.audit_kinds import AuditKind
from approvals.records.prepared_queries import Prepared
from approvals.web.relative_times import local

LATEST = 50  # events


@dataclass(frozen=True)
class TimelineEntry:
    """One event: `icon` is the name of a heroicon, `tone` calm, good, warn or bad.

    `via` names the surface unless it was the desk; `note` is the reason or error, untrusted text.
    """

    at: datetime
    who: str
    icon: str
    tone: str
    description: str
    via: str = ""
    note: str = ""


@dataclass(frozen=True)
class TrailState:
    """What was found when the latest events of a chain were hashed again, from number `first` to `last`.

    `broken_at` is the number of an event that was changed or does not follow from the one before it, or behind
    which one is missing; None if there is none. `head` is the hash of the last event, in hexadecimal.
    """

    first: int
    last: int
    broken_at: int | None
    head: str

    @property
    def count(self) -> int:
        """How many events were hashed."""
        return self.last - self.first + 1


# Every kind on the chains of reviews and orders: icon, tone and sentence.
DESCRIPTIONS: Mapping[str, tuple[str, str, str]] = {
    AuditKind.REVIEW_RECEIVED: ("inbox-arrow-down", "calm", "Arrived from SQS"),
    AuditKind.REVIEW_CLAIMED: ("hand-raised", "calm", "Claimed"),
    AuditKind.REVIEW_REASSIGNED: ("arrows-right-left", "calm", "Handed over"),
    AuditKind.REVIEW_COMMENTED: ("chat-bubble-left", "calm", "Commented"),
    AuditKind.REVIEW_MENTION_DISMISSED: ("check", "calm", "Has read a mention"),
    AuditKind.REVIEW_SKIPPED: ("forward", "calm", "Skipped"),
    AuditKind.REVIEW_SNOOZED: ("moon", "calm", "Snoozed"),
    AuditKind.REVIEW_ESCALATED: ("arrow-up-circle", "warn", "Escalated"),
    AuditKind.REVIEW_RELEASED: ("hand-raised", "calm", "Released"),
    AuditKind.REVIEW_LEASE_ENDED: ("clock", "calm", "The claim ran out"),
    AuditKind.REVIEW_APPROVED: ("check", "good", "Approved"),
    AuditKind.REVIEW_REJECTED: ("x-mark", "bad", "Rejected"),
    AuditKind.REVIEW_EXPIRED: ("no-symbol", "bad", "Expired: Step Functions stopped waiting"),
    AuditKind.REVIEW_UNPROVED: ("clock", "warn", "Deadline passed, cannot be proved"),
    AuditKind.REVIEW_CLOSED_UNPROVED: ("no-symbol", "bad", "Closed without a proof"),
    AuditKind.REVIEW_ORPHANED: ("link-slash", "warn", "Its execution has ended"),
    AuditKind.REVIEW_SUPERSEDED: (
        "arrow-path",
        "calm",
        "Superseded by a newer review of the same step",
    ),
    AuditKind.REVIEW_SUCCEEDED: ("arrow-path", "calm", "Takes the place of an older review"),
    AuditKind.REVIEW_NEWER_ARRIVED: (
        "arrow-path",
        "warn",
        "A newer review of the same step has come",
    ),
    AuditKind.VOTE_CAST: ("check", "calm", "Voted"),
    AuditKind.DECISION_UNDONE: ("arrow-uturn-left", "warn", "Undone before it was sent"),
    AuditKind.CALLBACK_RETRYING: ("arrow-path", "warn", "Not delivered yet, trying again"),
    AuditKind.CALLBACK_DELIVERED: ("paper-airplane", "good", "Delivered to Step Functions"),
    AuditKind.CALLBACK_CLOSED_ELSEWHERE: (
        "link-slash",
        "bad",
        "The step was closed without this decision",
    ),
    AuditKind.CALLBACK_UNCONFIRMED: (
        "question-mark-circle",
        "warn",
        "Delivery cannot be confirmed",
    ),
    AuditKind.CALLBACK_PARKED: (
        "wrench-screwdriver",
        "bad",
        "Could not be delivered, an operator is needed",
    ),
    AuditKind.CALLBACK_REQUEUED: ("arrow-path", "calm", "Sent again by an operator"),
    AuditKind.ORDER_ACCEPTED: ("inbox-arrow-down", "calm", "Accepted"),
    AuditKind.ORDER_STARTED: ("play", "calm", "Its execution started"),
    AuditKind.ORDER_REFUSED: ("no-symbol", "bad", "Step Functions refused to start it"),
    AuditKind.ORDER_REQUEUED: ("arrow-path", "calm", "Its start is sent again by an operator"),
    AuditKind.ORDER_SETTLED: ("check", "good", "Fulfilled by its batch execution"),
    AuditKind.ORDER_RELEASED: (
        "arrow-right",
        "warn",
        "Not settled by its batch execution, starts on its own",
    ),
    AuditKind.ORDER_RUNNING: ("play", "calm", "Running again"),
    AuditKind.ORDER_SUCCEEDED: ("check", "good", "Succeeded"),
    AuditKind.ORDER_FAILED: ("x-mark", "bad", "Failed"),
    AuditKind.ORDER_TIMED_OUT: ("clock", "bad", "Timed out"),
    AuditKind.ORDER_ABORTED: ("no-symbol", "bad", "Its execution was stopped"),
    AuditKind.ORDER_RESTART_ASKED: ("arrow-path", "calm", "Asked for a restart"),
    AuditKind.ORDER_RESTARTED: ("arrow-path", "calm", "Began anew as a next attempt"),
    AuditKind.ORDER_REDRIVEN: ("arrow-path", "good", "Redriven by Step Functions"),
    AuditKind.ORDER_REDRIVE_NOT_NEEDED: (
        "information-circle",
        "warn",
        "A redrive was not needed any more",
    ),
    AuditKind.ORDER_NOT_REDRIVABLE: ("arrow-path", "warn", "Step Functions could not redrive it"),
    AuditKind.ORDER_REDRIVE_REFUSED: ("x-mark", "bad", "Step Functions refused the redrive"),
    AuditKind.ORDER_STOP_ASKED: ("stop", "calm", "Asked for a stop"),
    AuditKind.ORDER_STOPPED: ("stop", "warn", "Stopped"),
    AuditKind.ORDER_STOP_CAME_LATE: ("information-circle", "warn", "The stop came too late"),
    AuditKind.ORDER_STOP_REFUSED: ("x-mark", "bad", "Step Functions refused the stop"),
}
VIA: Mapping[str, str] = {
    Surface.API: "through the API",
    Surface.WEBHOOK: "through a webhook",
    Surface.ADMIN: "in the admin site",
    Surface.COMMAND: "by a command",
}


def review_timeline(
    review: ReviewTask, zone: tzinfo
) -> tuple[list[TimelineEntry | BrokenRow], TrailState | None]:
    """The latest events of a review, newest first, and whether they are as they were recorded."""
    events = latest_events(chain=audit.chain(review))
    return _shown(events, zone), trail_state(events)


@Prepared
def latest_events(chain: str) -> QuerySet[AuditEvent]:
    """The latest events of a chain, newest first."""
    rows = AuditEvent.objects.filter(chain=chain).order_by("-seq")
    return rows.select_related("actor")[:LATEST]


def trail_state(events: Sequence[AuditEvent]) -> TrailState | None:
    """What hashing these latest events of one chain, newest first, finds; None if there are none."""
    if not events:
        return None
    broken = None
    previous, expected = bytes(events[-1].prev_hash), events[-1].seq
    if expected == 1 and previous != audit.GENESIS:
        broken = 1
    for event in reversed(events):
        follows = event.seq == expected and bytes(event.prev_hash) == previous
        if broken is None and not (follows and event_digests.fits(event, event.data)):
            broken = event.seq
        previous, expected = bytes(event.hash), event.seq + 1
    return TrailState(events[-1].seq, events[0].seq, broken, previous.hex())


def order_timeline(attempts: Sequence[OrderExecution]) -> list[TimelineEntry | BrokenRow]:
    """The latest events of all attempts at an order, newest first."""
    chains = [audit.chain(attempt) for attempt in attempts]
    events = AuditEvent.objects.filter(chain__in=chains).order_by("-at", "-seq")
    return _shown(events.select_related("actor")[:LATEST], UTC)  # their events name no time


def _shown(events: Iterable[AuditEvent], zone: tzinfo) -> list[TimelineEntry | BrokenRow]:
    return broken_rows.all_shown(events, lambda event: timeline_entry(event, zone))


def timeline_entry(event: AuditEvent, zone: tzinfo = UTC) -> TimelineEntry:
    """An event in plain words, with times in `zone`; a kind of an older release is shown by its name."""
    icon, tone, description = DESCRIPTIONS.get(
        event.kind, ("information-circle", "calm", event.kind.replace(".", " ").replace("_", " "))
    )
    data: dict[str, Any] = event.data
    description = _with_details(event.kind, data, zone) or description
    if data.get("overridden"):
        description += f", over the claim of {data['overridden']}"
    description += " in a bulk decision" if data.get("bulk") else ""
    note = str(data.get("reason") or data.get("error") or "")
    if data.get("error_code"):
        note = f"AWS answered {data['error_code']}"
    who = event.actor.display if event.actor else "Countersign"
    return TimelineEntry(event.at, who, icon, tone, description, VIA.get(event.surface, ""), note)


def _with_details(kind: str, data: Mapping[str, Any], zone: tzinfo) -> str:
    """A sentence with the names and times of an event; empty if it has none."""
    if kind == AuditKind.REVIEW_REASSIGNED and data.get("to"):
        return f"Handed to {data['to']}"
    if kind == AuditKind.REVIEW_ESCALATED and data.get("to"):
        return f"Escalated to {'the leads of ' if data.get('leads') else ''}{data['to']}"
    if kind == AuditKind.REVIEW_SNOOZED and data:
        until = parse_datetime(str(data.get("until") or ""))
        return f"Snoozed until {local(until, zone, 'D j M, H:i')}" if until else "Snooze ended"
    return f"Taken over from {data['taken_from']}" if data.get("taken_from") else ""
