"""What an execution's history proves about a task token.

A history is read backwards, its events are followed along previousEventId, and a task is matched by the
token of the message it sent.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from approvals import messages
from approvals.arns import Place
from approvals.exceptions import Throttled
from approvals.gateways import histories
from approvals.gateways.errors import Answer, Proof
from approvals.gateways.histories import Event
from approvals.messages import TaskToken
from approvals.models import Decision, ReviewTask
from approvals.records import places, rate_limits, tokens
from approvals.untrusted.strict_json import Unreadable

PAGES_A_MINUTE = 300  # of the 20 a second that an account may read

ENDED = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"}
CLOSED = {
    "TaskSucceeded", "TaskFailed", "TaskTimedOut", "TaskStateAborted",
    "TaskSubmitFailed", "TaskStartFailed",
}  # fmt: skip
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
BETWEEN = {"TaskStarted", "TaskSubmitted"}
NOT_OF_THE_QUEUE = (
    "ExecutionNotOfTheQueue"  # our own code: AWS is never asked after such an execution
)


class Fate(StrEnum):
    """What became of a token. The first six are proved by events; the others are reasons why nothing is."""

    OPEN = "open"  # its task still waits
    OURS = "ours"  # closed by the decision that was asked about
    OTHER_PARTY = "other_party"  # closed by another call
    EXPIRED = "expired"  # its task timed out
    ABORTED = "aborted"  # its task or execution was stopped
    EXECUTION_ENDED = "execution_ended"  # its execution ended, so no task of it is open
    UNKNOWN_TASK = "unknown_task"  # the history shows no such task (yet)
    NO_EXECUTION_ARN = "no_execution_arn"  # the message named no execution
    HISTORY_GONE = "history_gone"  # AWS keeps a history for 90 days after the execution's end
    HISTORY_UNREADABLE = "history_unreadable"  # a right to read it is missing
    NOT_NOW = "not_now"  # throttled, by AWS or by our own limit, or AWS did not answer

    @property
    def is_closed(self) -> bool:
        """Whether it is proved that nothing can be answered any more."""
        return self in PROVED_CLOSED


PROVED_CLOSED = {
    Fate.OURS, Fate.OTHER_PARTY, Fate.EXPIRED, Fate.ABORTED, Fate.EXECUTION_ENDED,
}  # fmt: skip


@dataclass(frozen=True)
class Evidence:
    """A fate and what proves it: an event's number, kind and time, and the decision it names, if any."""

    fate: Fate
    event: int = 0
    kind: str = ""
    at: datetime | None = None
    code: str = ""
    decision_id: str = ""

    def as_audit_data(self) -> dict[str, Any]:
        """The fields that an audit event holds."""
        seen = {"fate": str(self.fate), "event": self.event, "event_kind": self.kind}
        seen |= {"decision_found": self.decision_id} if self.decision_id else {}
        seen |= {"history_error": self.code} if self.code else {}
        return seen | {"event_at": self.at.isoformat() if self.at else ""}


@dataclass(frozen=True)
class Task:
    """A task of a history that sent a message to SQS: the message, and what became of its token."""

    message: dict[str, Any]
    message_id: str
    queue_url: str
    sent_at: datetime
    evidence: Evidence

    @property
    def token(self) -> str:
        """Its task token; empty if its message holds none."""
        try:
            return messages.token_of(self.message)
        except Unreadable:
            return ""

    @property
    def fingerprint(self) -> bytes | None:
        """The fingerprint of its token; None if its message holds none."""
        token = self.token
        return tokens.fingerprint(TaskToken(token)) if token else None


class Unread(Exception):
    """The history cannot be read, or not now: `evidence` holds the reason."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence


def ask(review: ReviewTask, decision: Decision | None = None) -> Evidence:
    """What became of a review's token, by its execution's history.

    `Fate.OURS` is only returned if `decision` is the one that closed the token.

    Reads pages of 1,000 events, newest first, until the task is found: by the fingerprint of the
    token it sent, so that the sealed token is not opened, or by the id of its SQS message. Never
    raises for what AWS or the network does.
    """
    if not review.execution_arn:
        return Evidence(Fate.NO_EXECUTION_ARN)
    if not places.is_asked_after(review):
        return Evidence(Fate.HISTORY_UNREADABLE, code=NOT_OF_THE_QUEUE)
    found = ask_all(places.of_review(review), review.execution_arn, [review])[review.pk]
    return _attributed(found, decision)


def ask_all(place: Place, arn: str, reviews: Collection[ReviewTask]) -> dict[uuid.UUID, Evidence]:
    """What became of the tokens of reviews of one execution, in one reading of its history.

    By the reviews' ids; no fate is `Fate.OURS`. Otherwise as `ask`.
    """
    open_ones = {review.pk for review in reviews}
    by_token: dict[bytes | None, uuid.UUID]  # a task without a token has no fingerprint
    by_token = {bytes(review.token_fingerprint): review.pk for review in reviews}
    by_message = {r.sqs_message_id: r.pk for r in reviews if r.sqs_message_id}
    found: dict[uuid.UUID, Evidence] = {}
    ending, rest = _Ending(), Evidence(Fate.UNKNOWN_TASK)
    try:
        for task in tasks_of(place, arn, ending) if reviews else ():
            named = {by_token.get(task.fingerprint), by_message.get(task.message_id)}
            for pk in {pk for pk in named if pk is not None} & open_ones:
                found[pk] = task.evidence
                open_ones.discard(pk)
            if not open_ones:
                return found
        if (
            ending.event is not None
        ):  # it shows no such task, and an ended execution has no open one
            rest = _ended(ending.event, Fate.EXECUTION_ENDED)
    except Unread as unread:
        rest = unread.evidence
    return found | dict.fromkeys(open_ones, rest)


class _Ending:
    """The event that ended the execution next after the events that are still to be read.

    A history is read backwards, and a redriven execution ends several times.
    """

    event: Event | None = None


def count_page(place: Place) -> None:
    """Count one page against the rate limit of all reads. Raises Throttled if it is used up."""
    rate_limits.take(f"histories:{place.region}", per_minute=PAGES_A_MINUTE)


def tasks_of(
    place: Place,
    arn: str,
    ending: _Ending | None = None,
    *,
    before_page: Callable[[Place], None] = count_page,
) -> Iterator[Task]:
    """Every task of an execution that sent a message, the newest first. Raises Unread.

    `before_page` is called before each page, and raises Throttled if it may not be read now.
    """
    ending = ending or _Ending()
    followers: dict[int, list[Event]] = defaultdict(list)
    for event in _events(place, arn, before_page):
        if event.kind in ENDED:
            ending.event = event
        elif event.kind == "TaskScheduled":
            if message := message_of(event):
                submitted = next(_following(event, followers, {"TaskSubmitted"}), None)
                sent = _object(submitted.details.get("output")) if submitted else {}
                closing = next(_following(event, followers, CLOSED), None)
                evidence = _evidence(event, closing, ending.event)
                url = str(_object(event.details.get("parameters")).get("QueueUrl", ""))
                yield Task(message, str(sent.get("MessageId", "")), url, event.at, evidence)
        elif event.kind in CLOSED | BETWEEN:
            followers[event.previous].append(event)


def _events(place: Place, arn: str, before_page: Callable[[Place], None]) -> Iterator[Event]:
    cursor = None
    while True:
        try:
            before_page(place)
        except Throttled:
            raise Unread(Evidence(Fate.NOT_NOW, code="OurOwnLimit")) from None
        answer, page = histories.read(place, arn, cursor)
        if page is None:
            raise Unread(Evidence(_why_unread(answer), code=answer.code))
        yield from page.events
        if page.older is None:
            return
        cursor = page.older


def _why_unread(answer: Answer) -> Fate:
    if answer.code == "ExecutionDoesNotExist":
        return Fate.HISTORY_GONE
    if answer.proof in {Proof.ACCESS_DENIED, Proof.REFUSED, Proof.INVALID_OUTPUT}:
        return Fate.HISTORY_UNREADABLE
    return Fate.NOT_NOW


def _following(start: Event, followers: dict[int, list[Event]], kinds: set[str]) -> Iterator[Event]:
    """Events of these kinds that follow `start` on its own chain: parallel branches interleave."""
    for event in followers[start.number]:
        if event.kind in kinds:
            yield event
        if event.kind in BETWEEN:
            yield from _following(event, followers, kinds)


def _evidence(start: Event, closing: Event | None, ending: Event | None) -> Evidence:
    if closing is not None:
        fate = {"TaskTimedOut": Fate.EXPIRED, "TaskStateAborted": Fate.ABORTED}.get(
            closing.kind, Fate.OTHER_PARTY
        )
        found = decision_in(closing)
        return Evidence(fate, closing.number, closing.kind, closing.at, decision_id=found)
    if ending is None:
        return Evidence(Fate.OPEN, start.number, start.kind, start.at)
    aborted = ending.kind == "ExecutionAborted"
    return _ended(ending, Fate.ABORTED if aborted else Fate.EXECUTION_ENDED)


def _ended(ending: Event, fate: Fate) -> Evidence:
    return Evidence(fate, ending.number, ending.kind, ending.at)


def _attributed(evidence: Evidence, decision: Decision | None) -> Evidence:
    ours = decision is not None and evidence.decision_id == str(decision.pk)
    return replace(evidence, fate=Fate.OURS) if ours else evidence


def decision_in(closing: Event) -> str:
    """The id of the decision that closed a task; empty if this service did not close it.

    It is the output's `decision_id`, or the last `[decision ...]` of a failure's cause.
    """
    if closing.kind == "TaskSucceeded":
        found = re.fullmatch(UUID, str(_object(closing.details.get("output")).get("decision_id")))
    else:
        cause = str(closing.details.get("cause"))
        found = re.search(rf"(?<=\[decision ){UUID}(?=\]$)", cause)
    return found[0] if found else ""


def message_of(scheduled: Event) -> dict[str, Any]:
    """The message that a TaskScheduled event sent to SQS, with its token; empty if it sent none."""
    body = _object(scheduled.details.get("parameters")).get("MessageBody")
    return body if isinstance(body, dict) else _object(body)


def _object(text: Any) -> dict[str, Any]:
    """The JSON object in a text of the history; an empty one if there is none."""
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
