"""After a backup was restored: finds what AWS holds and the database does not, and lists it.

SQS has deleted the messages of the lost minutes; the executions' histories still hold them. A token
that is still open is taken in again from its TaskScheduled event. A task that ended otherwise than the
database has it is reported. Every step may be repeated, and may run beside pollers and workers:
intake recognises a token.
"""

from __future__ import annotations

import heapq
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog

from approvals import arns
from approvals.actions import intake
from approvals.arns import Place
from approvals.exceptions import Invalid, Throttled, Unavailable
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Proof
from approvals.gateways.stepfunctions import Executions, Listed
from approvals.models import Decision, OutboxEntry, QuarantinedMessage, ReviewQueue, ReviewTask
from approvals.models.outbox import DeliveryState
from approvals.reconciliation.callback_evidence import Evidence, Fate, Task, Unread, tasks_of
from approvals.records import database_time, execution_snapshots, rate_limits
from approvals.records.received_messages import Received
from approvals.untrusted import message_fields
from approvals.untrusted.redaction import PLACEHOLDER

log = structlog.get_logger(__name__)

# Of the 20 histories and some 5 lists a second that an account may read. Everyday reads have a rate
# limit of their own on top, so that neither waits for the other.
HISTORIES_A_MINUTE, LISTS_A_MINUTE = 300, 120
REACH = timedelta(days=30)  # how long before `since` a closed execution may have started
PASSING = {Proof.THROTTLED, Proof.AMBIGUOUS, Proof.NOT_SENT}
TRIES, PAUSE, NEXT_PAGE = 6, 0.5, 0.2  # times; seconds, doubled each time; seconds


@dataclass(frozen=True)
class Found:
    """One difference; `what` is its kind.

    `taken_in`: an open token had no review, and has one now. `quarantined`: its message could not
    become a review. `lost`: AWS holds a decision that the database does not. `contradicted`: the
    database holds a decision, and something else took effect. `ended`: closed without any decision of
    ours, and not known here. `unread`: the history could not be read.
    """

    what: str
    execution_arn: str
    reference: str = ""
    review: str = ""
    decision_here: str = ""
    decision_there: str = ""
    fate: str = ""


def machines_of(queue: ReviewQueue) -> list[str]:
    """The state machines that a queue admits by name, else those that its reviews came from."""
    seen = ReviewTask.objects.filter(queue=queue).exclude(state_machine_arn="").order_by()
    named: Iterable[str] = queue.state_machine_arns or []
    found = set(named or seen.values_list("state_machine_arn", flat=True).distinct())
    return sorted({arns.machine_of(arn) for arn in found})


@dataclass
class Recovery:
    """One pass over every execution that may have done something since a time, the last started first.

    These are all that run, however old, and those that have stopped since. `before` resumes where an
    earlier pass ended. `examined` counts executions; `resume_before` is where the next pass resumes,
    None after the last execution.
    """

    queue: ReviewQueue
    machines: Iterable[str]
    since: datetime
    before: datetime | None = None
    limit: int | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    examined: int = 0
    resume_before: datetime | None = None

    def __iter__(self) -> Iterator[Found]:
        """The differences, as they are found.

        Raises Unavailable if AWS does not list the executions, and Invalid for what is not an ARN.
        """
        self.resume_before = self.before
        streams = [self._executions(arn) for arn in self.machines]
        for one in heapq.merge(*streams, key=lambda one: one.started_at, reverse=True):
            if self.before is not None and one.started_at > self.before:
                continue
            self.resume_before = one.started_at
            if self.examined == self.limit:
                return
            found = _look(self.queue, self._place(one.arn), one.arn, self.stop)
            if found is None:
                return
            self.examined += 1
            yield from found
        if not self.stop.is_set():
            self.resume_before = None

    def _place(self, arn: str) -> Place:
        try:
            return arns.place_of(arn, self.queue.role_arn)
        except ValueError:
            raise Invalid(f"{arn!r} is not the ARN of a state machine.") from None

    def _executions(self, machine: str) -> Iterator[Listed]:
        place, oldest = self._place(machine), self.since - REACH
        for one in _listed(place, machine, "", self.stop):
            if one.started_at < oldest:
                break
            if one.stopped_at is None or one.stopped_at >= self.since:
                yield one
        for one in _listed(place, machine, "RUNNING", self.stop):
            if one.started_at < oldest:
                yield one


def _listed(place: Place, machine: str, status: str, stop: threading.Event) -> Iterator[Listed]:
    cursor: str | None = None
    while not stop.is_set():
        page = _page(place, machine, cursor, status, stop)
        yield from page.executions
        if page.older is None:
            return
        cursor = page.older


def _page(
    place: Place, machine: str, cursor: str | None, status: str, stop: threading.Event
) -> Executions:
    """One page, retried a few times; an empty last one once `stop` is set. Raises Unavailable."""
    for attempt in range(TRIES):
        try:
            _wait_for_turn(f"lists:{place.region}", LISTS_A_MINUTE, stop)
        except Throttled:
            return Executions([], None)
        answer, page = stepfunctions.list_executions(place, machine, cursor, status=status)
        if page is not None:
            return page
        if answer.proof not in PASSING or stop.wait(PAUSE * 2**attempt):
            break
    raise Unavailable(f"The executions of {machine} cannot be listed: {answer.code}.")


def _look(queue: ReviewQueue, place: Place, arn: str, stop: threading.Event) -> list[Found] | None:
    """The differences of an execution's tokens; None if `stop` was set before it could be read."""
    for attempt in range(TRIES):
        try:
            tasks = list(tasks_of(place, arn, before_page=_in_turn(stop)))
            break
        except Unread as unread:
            fate = unread.evidence.fate
            if fate != Fate.NOT_NOW or attempt == TRIES - 1:
                return [Found("unread", arn, fate=str(fate))]
            if stop.wait(PAUSE * 2**attempt):
                return None
    ours = [task for task in tasks if _path(task.queue_url) == _path(queue.sqs_url)]
    found = [one for task in ours if (one := _compared(queue, arn, task)) is not None]
    if any(one.what in {"lost", "ended"} and one.review for one in found):
        # Reconciliation then ends what is pending, with its proof.
        execution_snapshots.watch({arn: database_time.now()}, proved=True)
    for one in found:
        named = {"what": one.what, "fate": one.fate, "review": one.review}
        log.warning("recovery.found", execution=arn, **named)
    return found


def _in_turn(stop: threading.Event) -> Callable[[Place], None]:
    return lambda place: _wait_for_turn(f"recovery:{place.region}", HISTORIES_A_MINUTE, stop)


def _wait_for_turn(name: str, per_minute: int, stop: threading.Event) -> None:
    """Wait until the rate limit admits one more. Raises Throttled if `stop` is set meanwhile."""
    while True:
        try:
            rate_limits.take(name, per_minute=per_minute)
        except Throttled:
            if stop.wait(NEXT_PAGE):
                raise
        else:
            return


def _path(url: str) -> str:
    """A queue's account and name: the host of its URL has several forms."""
    return urlsplit(url).path


def _compared(queue: ReviewQueue, arn: str, task: Task) -> Found | None:
    """The difference between a task of a history and what the database holds of its token."""
    if task.fingerprint is None:
        return None
    named = str(message_fields.value_of(task.message, "orderId") or "")
    reference = named.replace(task.token, PLACEHOLDER)[:256]
    rows = ReviewTask.objects.without_secrets().defer("payload")
    known = rows.filter(token_fingerprint=task.fingerprint).first()
    if known is not None:
        return _difference(known, arn, task.evidence)
    if QuarantinedMessage.objects.filter(queue=queue, sqs_message_id=task.message_id).exists():
        return None
    if task.evidence.fate == Fate.OPEN:
        return _taken_in(queue, arn, reference, task)
    there = task.evidence.decision_id
    what = "lost" if there else "ended"
    return Found(what, arn, reference, decision_there=there, fate=str(task.evidence.fate))


def _taken_in(queue: ReviewQueue, arn: str, reference: str, task: Task) -> Found | None:
    body = json.dumps(task.message, separators=(",", ":"), ensure_ascii=False)
    taken = intake.accept(queue, [Received(body, task.message_id, task.sent_at)])
    if taken.reviews:
        review = ReviewTask.objects.only("pk").get(token_fingerprint=task.fingerprint)
        return Found("taken_in", arn, reference, str(review.pk), fate=str(Fate.OPEN))
    if taken.quarantined:
        return Found("quarantined", arn, reference, fate=str(Fate.OPEN))
    return None  # a poller has taken it in meanwhile


def _difference(review: ReviewTask, arn: str, evidence: Evidence) -> Found | None:
    here, there = str(review.decision_id or ""), evidence.decision_id
    if evidence.fate == Fate.OPEN or (there and there == here):
        return None
    if there and not Decision.objects.filter(pk=there).exists():
        what = "lost"
    elif here and (there or not _is_shown_closed(review)):
        what = "contradicted"
    elif review.status == ReviewTask.Status.PENDING:
        what = "ended"
    else:
        return None
    return Found(what, arn, review.reference, str(review.pk), here, there, str(evidence.fate))


def _is_shown_closed(review: ReviewTask) -> bool:
    """Whether the review already shows that its decision had no effect."""
    if review.decision_id is None:
        return False
    kind = OutboxEntry.Kind.CALLBACK
    entry = OutboxEntry.objects.filter(kind=kind, subject=review.decision_id).first()
    return entry is not None and entry.delivery.state == DeliveryState.CLOSED_ELSEWHERE
