"""Checks of decisions: one live one a review, written with its outbox row and its audit event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from uuid import UUID

from django.db import connection

from approvals.models import Decision, OutboxEntry
from tests.faults.truth import Breach, Seen


def check(reviews: Mapping[UUID, Seen]) -> Iterator[Breach]:
    """Breaches about votes and decisions, and about what is written with them."""
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
    """By decision: the transactions of its events, and of the events that undo it."""
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
