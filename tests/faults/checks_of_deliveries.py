"""Checks of deliveries: what closed each token is the decision that stands, and rows say what the log says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from uuid import UUID

from approvals.models import Decision, OutboxEntry
from approvals.models.outbox import OutboxAttempt
from tests.faults.truth import Breach, Seen, Truth

ENDED = {OutboxEntry.State.SETTLED, OutboxEntry.State.PARKED, OutboxEntry.State.CANCELLED}


def check(truth: Truth, reviews: Mapping[UUID, Seen], *, finished: bool) -> Iterator[Breach]:
    """Breaches about callbacks: tokens, outbox entries and the journal of attempts."""
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
    if detail == "acknowledged" and not _was_accepted(truth, token):
        yield Breach("I-9", f"{where}; yet AWS accepted no call", "misclassified", about)
    if finished and entry.state not in ENDED:
        yield Breach("I-11", f"{where}; it never came to an end", "lost", about)
    newest = journal[-1] if journal else None
    if newest and newest.ended_at is None and entry.state in {"waiting", "parked"}:
        yield Breach("I-12", f"{where}; moved while attempt {newest.number} was on its way")


def _was_accepted(truth: Truth, token: str) -> bool:
    return any(call.get("answered") == 200 and call["applied"] for call in truth.answers[token])
