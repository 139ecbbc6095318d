"""The judge: compares the database with AWS's own log, and names every invariant that does not hold.

It reads both as they are and trusts neither verb nor status: a token's fate is the line of the log
that closed it, a row's commit is what PostgreSQL noted of its transaction.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import connection

from approvals.models import (
    AuditEvent,
    Decision,
    OrderExecution,
    OrderIntervention,
    OutboxEntry,
    QuarantinedMessage,
    ReviewQueue,
    ReviewTask,
)
from approvals.models.outbox import OutboxAttempt
from approvals.records import audit, tokens
from tests.fake_aws import Log
from tests.fake_aws.journal import ANSWERS

STATUS_AFTER = {
    "review.received": "pending",
    "review.approved": "approved",
    "review.rejected": "rejected",
    "decision.undone": "pending",
    "review.expired": "expired",
    "review.orphaned": "orphaned",
    "review.superseded": "superseded",
}
MOVES_VERSION = {
    "review.claimed", "review.released", "review.reassigned", "vote.cast",
    *(set(STATUS_AFTER) - {"review.received"}),
}  # fmt: skip
KNOWN = MOVES_VERSION | {
    "review.received", "review.lease_ended", "review.commented", "review.newer_arrived",
    "review.succeeded", "callback.retrying", "callback.delivered", "callback.closed_elsewhere",
    "callback.parked", "callback.unconfirmed", "callback.requeued",
}  # fmt: skip
ENDED = {OutboxEntry.State.SETTLED, OutboxEntry.State.PARKED, OutboxEntry.State.CANCELLED}
FATE_OF = {"TaskTimedOut": "expired", "TaskAborted": "aborted", "ExecutionDeleted": "deleted"}
UNKNOWN = ("ambiguous", "")  # what an attempt learned that may have been taken, or not


@dataclass(frozen=True)
class Breach:
    """An invariant of the reliability goal that does not hold, and where; `counts_as` sorts it."""

    invariant: str
    what: str
    counts_as: str = ""
    about: str = ""


@dataclass
class Truth:
    """What the log of the fake says, by what one asks for."""

    log: Log
    lines: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.log.lines()

    def effects(self, op: str) -> Iterator[dict[str, Any]]:
        """The effects of one operation."""
        return (line for line in self.lines if line["what"] == "effect" and line["op"] == op)

    @cached_property
    def sends(self) -> dict[str, dict[str, Any]]:
        """Every message that was put on a queue, by its id."""
        return {line["message_id"]: line for line in self.effects("SendMessage")}

    @cached_property
    def closed(self) -> dict[str, dict[str, Any]]:
        """What closed each token, by its fingerprint."""
        return {line["token"]: line for line in self.lines if line.get("closes")}

    @cached_property
    def answers(self) -> dict[str, list[dict[str, Any]]]:
        """The SendTaskSuccess and SendTaskFailure calls about each token."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for line in self.lines:
            if line["what"] == "call" and line["op"] in ANSWERS:
                found[line.get("token", "")].append(line)
        return found

    def fate(self, token: str, decision: UUID) -> str:
        """What became of a token, seen from a decision: ours, other_party, expired, aborted, open."""
        closing = self.closed.get(token)
        if closing is None:
            return "open"
        if closing.get("decision_id") == str(decision):
            return "ours"
        return FATE_OF.get(closing["op"], "other_party")


def check(log: Log, *, left: Iterable[str] = (), finished: bool = True) -> list[Breach]:
    """Every breach there is. `left` are the bodies still on queues; `finished`: nothing is under way."""
    truth = Truth(log)
    reviews = _reviews()
    found = [
        *_intake(truth, reviews, {_digest(body) for body in left}),
        *_decisions(reviews),
        *_deliveries(truth, reviews, finished=finished),
        *_executions(truth, finished=finished),
        *_interventions(truth, finished=finished),
        *_chains(reviews),
    ]
    return found + (list(_leftovers()) if finished else [])


def ambiguities() -> dict[str, int]:
    """How many decisions had an answer that proved nothing, and how many of them were cleared up since."""
    entries = OutboxEntry.objects.filter(
        kind=OutboxEntry.Kind.CALLBACK, journal__result__in=UNKNOWN
    ).distinct()
    cleared = entries.filter(state=OutboxEntry.State.SETTLED)
    return {"ambiguous": entries.count(), "reconciled": cleared.count()}


@dataclass(frozen=True)
class Seen:
    """A review with its token's fingerprint as the log writes it."""

    row: ReviewTask
    token: str


def _reviews() -> dict[UUID, Seen]:
    rows = ReviewTask.objects.defer("payload", "raw_body").iterator()
    return {row.pk: Seen(row, _token_of(row)) for row in rows}


def _token_of(review: ReviewTask) -> str:
    plain = tokens.unseal(review.sealed_token, row=review.pk, column="sealed_token")
    return hashlib.sha256(plain).hexdigest()


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


# --- what came in


def _intake(truth: Truth, reviews: Mapping[UUID, Seen], left: Collection[str]) -> Iterator[Breach]:
    of_ours = {
        url.rpartition("/")[2] for url in ReviewQueue.objects.values_list("sqs_url", flat=True)
    }
    sent = {line["digest"] for line in truth.sends.values() if line["queue"] in of_ours}
    rows = {bytes(seen.row.raw_body_sha256).hex(): f"review:{pk}" for pk, seen in reviews.items()}
    kept = QuarantinedMessage.objects.values_list("pk", "raw_body_sha256")
    rows |= {bytes(digest).hex(): f"quarantine:{pk}" for pk, digest in kept}
    for digest in sorted(sent - set(rows) - set(left)):
        yield Breach("I-1", f"a message (body {digest[:12]}) is nowhere any more", "lost")
    yield from _deleted_too_early(truth, rows, of_ours)
    for token, count in Counter(seen.token for seen in reviews.values()).items():
        if count > 1:
            yield Breach("I-3", f"{count} reviews of one token ({token[:12]})", "doubled")
    arrivals = Counter(
        AuditEvent.objects.filter(kind="review.received").values_list("chain", flat=True)
    )
    for pk in reviews:
        if arrivals[f"review:{pk}"] != 1:
            what = f"review {pk} arrived {arrivals[f'review:{pk}']} times by its audit trail"
            yield Breach("I-3", what, about=str(pk))


def _deleted_too_early(
    truth: Truth, rows: Mapping[str, str], queues: Collection[str]
) -> Iterator[Breach]:
    committed = _first_commits()
    for line in truth.effects("DeleteMessage"):
        sent = truth.sends.get(line["message_id"])
        if sent is None or line["queue"] not in queues:
            continue
        at = committed.get(rows.get(sent["digest"], ""))
        if at is None or at > line["received"]:
            late = "never" if at is None else f"{at - line['received']:.3f} s later"
            what = f"message {line['message_id']} was deleted; its row was committed {late}"
            yield Breach("I-2", what, "lost" if at is None else "")


def _first_commits() -> dict[str, float]:
    """When the transaction of each chain's first event was committed, in seconds since the epoch."""
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT chain, extract(epoch FROM pg_xact_commit_timestamp("transaction"::xid))::float8'
            " FROM approvals_auditevent WHERE seq = 1"
        )
        return dict(cursor.fetchall())


# --- what was decided


def _decisions(reviews: Mapping[UUID, Seen]) -> Iterator[Breach]:
    live: dict[UUID, list[Decision]] = defaultdict(list)
    decisions = list(Decision.objects.all())
    for decision in decisions:
        if decision.undone_at is None:
            live[decision.review_id].append(decision)
    for pk, seen in reviews.items():
        ours = [decision.pk for decision in live[pk]]
        if len(ours) > 1:
            yield Breach("I-5", f"review {pk} has {len(ours)} decisions", "doubled", str(pk))
        if seen.row.decision_id != (ours[0] if ours else None):
            yield Breach("I-5", f"review {pk} and its live decision do not agree", about=str(pk))
    yield from _whole(decisions)


def _whole(decisions: list[Decision]) -> Iterator[Breach]:
    """A decision, its outbox row and its audit event are one transaction, or none of them is there."""
    entries = {
        entry.subject: entry for entry in OutboxEntry.objects.filter(kind=OutboxEntry.Kind.CALLBACK)
    }
    recorded, undone = _recorded("decision")
    written = _transactions()
    for decision in decisions:
        about, pk = str(decision.review_id), str(decision.pk)
        entry = entries.get(decision.pk)
        if entry is None:
            yield Breach("I-6", f"decision {pk} has no outbox row", "lost", about)
        elif bytes(entry.payload) != bytes(decision.callback):
            yield Breach("I-7", f"decision {pk} and its outbox row hold other bytes", about=about)
        if len(recorded[pk]) != 1:
            yield Breach("I-16", f"decision {pk} has {len(recorded[pk])} audit events", about=about)
        elif decision.undone_at is None and recorded[pk][0] != written[decision.pk]:
            what = f"decision {pk} and its audit event were written in two transactions"
            yield Breach("I-6", what, about=about)
        if bool(undone[pk]) != (decision.undone_at is not None):
            yield Breach("I-16", f"decision {pk}: its undo and the audit disagree", about=about)


def _recorded(key: str) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """By decision: the transactions of the events that tell of it, and of those that undo it."""
    recorded: dict[str, list[int]] = defaultdict(list)
    undone: dict[str, list[int]] = defaultdict(list)
    wanted = ("review.approved", "review.rejected", "decision.undone")
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT kind, data ->> %s, "transaction"::xid::text::bigint FROM approvals_auditevent'
            " WHERE kind = ANY(%s)",
            [key, list(wanted)],
        )
        for kind, decision, transaction in cursor.fetchall():
            (undone if kind == "decision.undone" else recorded)[decision].append(transaction)
    return recorded, undone


def _transactions() -> dict[UUID, int]:
    """Which transaction wrote each decision's row, as it is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, xmin::text::bigint FROM approvals_decision")
        return dict(cursor.fetchall())


# --- what left


def _deliveries(truth: Truth, reviews: Mapping[UUID, Seen], *, finished: bool) -> Iterator[Breach]:
    for token in truth.log.closed_more_than_once():
        yield Breach("I-14", f"token {token[:12]} was closed more than once", "doubled")
    for token in truth.log.tokens_sent_with_other_bytes():
        yield Breach("I-7", f"the answers to token {token[:12]} were not byte-identical")
    journals: dict[UUID, list[OutboxAttempt]] = defaultdict(list)
    for attempt in OutboxAttempt.objects.order_by("number"):
        journals[attempt.entry_id].append(attempt)
    tried: Counter[str] = Counter()
    callback = OutboxEntry.objects.filter(kind=OutboxEntry.Kind.CALLBACK)
    decisions = Decision.objects.in_bulk()
    for entry in callback:
        decision = decisions.get(entry.subject)
        if decision is None or decision.review_id not in reviews:
            continue
        token = reviews[decision.review_id].token
        journal = journals[entry.pk]
        tried[token] += sum(attempt.result != OutboxAttempt.Result.HISTORY for attempt in journal)
        yield from _entry(truth, entry, decision, token, journal, finished=finished)
    yield from _unjournalled(truth, tried)
    yield from _effects(truth, reviews, decisions)


def _unjournalled(truth: Truth, tried: Mapping[str, int]) -> Iterator[Breach]:
    for token, calls in truth.answers.items():
        if len(calls) > tried.get(token, 0):
            what = f"token {token[:12]}: {len(calls)} calls, {tried.get(token, 0)} in the journal"
            yield Breach("I-10", what)


def _effects(
    truth: Truth, reviews: Mapping[UUID, Seen], decisions: Mapping[UUID, Decision]
) -> Iterator[Breach]:
    """Whatever closed a token in our name is the review's one live decision."""
    by_token = {seen.token: seen for seen in reviews.values()}
    for token, closing in truth.closed.items():
        if closing.get("by") != "call":
            continue
        seen = by_token.get(token)
        pk = UUID(closing["decision_id"]) if closing.get("decision_id") else None
        decision = decisions.get(pk) if pk else None
        if seen is None or decision is None:
            yield Breach("I-14", f"token {token[:12]} got an answer that no decision gave", "lost")
        elif decision.undone_at is not None or seen.row.decision_id != decision.pk:
            what = f"review {seen.row.pk}: what took effect is not the decision that stands"
            yield Breach("I-14", what, "doubled", str(seen.row.pk))


def _entry(
    truth: Truth,
    entry: OutboxEntry,
    decision: Decision,
    token: str,
    journal: list[OutboxAttempt],
    *,
    finished: bool,
) -> Iterator[Breach]:
    about = str(decision.review_id)
    fate, (state, detail) = truth.fate(token, decision.pk), entry.delivery
    where = f"review {about}: {state} ({detail}), by AWS {fate}"
    if state == "delivered" and fate != "ours":
        yield Breach("I-9", where, "false_delivered", about)
    elif state == "closed_elsewhere" and detail != fate:
        yield Breach("I-9", where, "misclassified", about)
    elif state == "undone" and fate == "ours":
        yield Breach("I-14", where, "doubled", about)
    if detail == "acknowledged" and not _was_answered(truth, token):
        yield Breach("I-9", f"{where}; yet AWS said so to nobody", "misclassified", about)
    if finished and entry.state not in ENDED:
        yield Breach("I-11", f"{where}; it never came to an end", "lost", about)
    newest = journal[-1] if journal else None
    if newest and newest.ended_at is None and entry.state in {"waiting", "parked"}:
        yield Breach("I-12", f"{where}; moved while attempt {newest.number} was on its way")


def _was_answered(truth: Truth, token: str) -> bool:
    return any(call.get("answered") == 200 and call["applied"] for call in truth.answers[token])


def _executions(truth: Truth, *, finished: bool) -> Iterator[Breach]:
    started = Counter(line["execution"] for line in truth.effects("ExecutionStarted"))
    inputs = {line["execution"]: line["input_sha256"] for line in truth.effects("ExecutionStarted")}
    for arn, count in started.items():
        if count > 1:
            yield Breach("I-15", f"{arn} was started {count} times", "doubled")
    without = (OrderExecution.Status.REFUSED, OrderExecution.Status.SETTLED)
    for order in OrderExecution.objects.exclude(status__in=without):
        machine = order.state_machine_arn.replace(":stateMachine:", ":execution:")
        arn = f"{machine}:{order.name}"
        if order.execution_arn and (
            order.execution_arn != arn or inputs.get(arn) != bytes(order.input_sha256).hex()
        ):
            yield Breach("I-15", f"order {order.order_id} names an execution that is not its own")
        if finished:
            yield from _order_ended(order, started[arn])


def _order_ended(order: OrderExecution, started: int) -> Iterator[Breach]:
    if order.was_never_started:
        if started:
            what = f"order {order.order_id} was stopped before its start, and yet started"
            yield Breach("I-15", what, "doubled")
        return
    if not order.execution_arn:
        yield Breach("I-15", f"order {order.order_id} was never known to be started", "lost")
    if not started:
        yield Breach("I-15", f"order {order.order_id} was never started", "lost")


def _interventions(truth: Truth, *, finished: bool) -> Iterator[Breach]:
    """No execution is redriven more often than somebody asked, and what is called done was done."""
    redriven = Counter(line["execution"] for line in truth.effects("ExecutionRedriven"))
    redrives = OrderIntervention.objects.select_related("order").filter(kind="redrive")
    asked = Counter(one.order.execution_arn for one in redrives)
    for arn, count in redriven.items():
        if arn in asked and count > asked[arn]:
            yield Breach("I-15", f"{arn} was redriven {count} times, asked {asked[arn]}", "doubled")
    for one in redrives.filter(outcome="done"):
        if not redriven[one.order.execution_arn]:
            yield Breach("I-15", f"{one.order.order_id} is called redriven", "misclassified")
    if finished and (left := OrderIntervention.objects.filter(ended_at=None).count()):
        yield Breach("I-11", f"{left} restarts or stops never came to an end", "lost")


# --- what was written down


def _chains(reviews: Mapping[UUID, Seen]) -> Iterator[Breach]:
    for chain in audit.chains():
        for broken in audit.verify(chain):
            yield Breach("I-17", f"{broken.chain} #{broken.seq}: {broken.what}")
    kinds: dict[str, list[AuditEvent]] = defaultdict(list)
    for event in AuditEvent.objects.filter(chain__startswith="review:").order_by("chain", "seq"):
        kinds[event.chain].append(event)
    ends = _ends()
    for pk, seen in reviews.items():
        yield from _story(seen.row, kinds[f"review:{pk}"], ends.get(pk))


def _ends() -> dict[UUID, OutboxEntry]:
    """The outbox row of each review's live decision."""
    of = dict(Decision.objects.filter(undone_at=None).values_list("pk", "review"))
    entries = OutboxEntry.objects.filter(kind=OutboxEntry.Kind.CALLBACK)
    return {of[entry.subject]: entry for entry in entries if entry.subject in of}


def _story(
    review: ReviewTask, events: list[AuditEvent], end: OutboxEntry | None
) -> Iterator[Breach]:
    """The events of a chain, read from the start, end where the rows are: one event for each change."""
    kinds, about = [event.kind for event in events], str(review.pk)
    statuses = [STATUS_AFTER[kind] for kind in kinds if kind in STATUS_AFTER]
    if not statuses or statuses[-1] != review.status:
        what = f"review {about} is {review.status}; its audit ends with {statuses[-1:]}"
        yield Breach("I-16", what, about=about)
    moves = sum(
        event.kind in MOVES_VERSION
        or (event.kind == "review.succeeded" and "claim_of" in event.data)
        for event in events
    )
    if set(kinds) <= KNOWN and review.version != 1 + moves:
        what = f"review {about} has version {review.version} after {moves} changes by its audit"
        yield Breach("I-16", what, about=about)
    calls = [event for event in events if event.kind.startswith("callback.")]
    if end is not None and end.state in {"settled", "parked"}:
        last = (calls[-1].kind, calls[-1].data.get("detail")) if calls else ("nothing", "")
        if last != (f"callback.{end.delivery.state}", end.detail):
            what = f"review {about} is {end.delivery}; its audit says {last}"
            yield Breach("I-16", what, about=about)


def _leftovers() -> Iterator[Breach]:
    stuck = OutboxEntry.objects.filter(state=OutboxEntry.State.SENDING).count()
    if stuck:
        yield Breach("I-11", f"{stuck} outbox rows are still being sent")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()"
        )
        (idle,) = cursor.fetchone()
    if idle:
        yield Breach("I-13", f"{idle} transactions were left open")
