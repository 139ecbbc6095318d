"""Checks of the audit trail: chains hold, and the events of a review, replayed, end in its row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from uuid import UUID

from approvals.models import AuditEvent, Decision, OutboxEntry, ReviewTask
from approvals.records import audit_verification
from tests.faults.truth import Breach, Seen

STATUS_AFTER = {
    "review.received": "pending",
    "review.approved": "approved",
    "review.rejected": "rejected",
    "decision.undone": "pending",
    "review.expired": "expired",
    "review.unproved": "unproved",
    "review.closed_unproved": "expired",
    "review.orphaned": "orphaned",
    "review.superseded": "superseded",
}

MOVES_VERSION = {
    "review.claimed", "review.released", "review.reassigned", "vote.cast",
    "review.snoozed", "review.escalated",
    *(set(STATUS_AFTER) - {"review.received"}),
}  # fmt: skip
# These raise the version if their data has one of these names.
MOVES_VERSION_WITH = {
    "review.succeeded": {"claim_of", "escalated_to"},
    "review.skipped": {"claim_ended"},
}

KNOWN = MOVES_VERSION | {
    "review.received", "review.lease_ended", "review.commented", "review.newer_arrived",
    *MOVES_VERSION_WITH, "callback.retrying", "callback.delivered", "callback.closed_elsewhere",
    "callback.parked", "callback.unconfirmed", "callback.requeued",
}  # fmt: skip


def check(reviews: Mapping[UUID, Seen]) -> Iterator[Breach]:
    """Breaches about audit chains."""
    for broken in audit_verification.Verification():
        yield Breach("I-17", f"{broken.chain} #{broken.seq}: {broken.what}")
    kinds: dict[str, list[AuditEvent]] = defaultdict(list)
    for event in AuditEvent.objects.filter(chain__startswith="review:").order_by("chain", "seq"):
        kinds[event.chain].append(event)
    ends = _ends()
    for pk, seen in reviews.items():
        yield from _replayed(seen.row, kinds[f"review:{pk}"], ends.get(pk))


def _ends() -> dict[UUID, OutboxEntry]:
    """The outbox row of each review's live decision."""
    of = dict(Decision.objects.filter(undone_at=None).values_list("pk", "review"))
    entries = OutboxEntry.objects.filter(kind=OutboxEntry.Kind.CALLBACK)
    return {of[entry.subject]: entry for entry in entries if entry.subject in of}


def _replayed(
    review: ReviewTask, events: list[AuditEvent], end: OutboxEntry | None
) -> Iterator[Breach]:
    """The events of a chain, replayed, end in the state of the rows: one event for each change."""
    kinds, about = [event.kind for event in events], str(review.pk)
    statuses = [STATUS_AFTER[kind] for kind in kinds if kind in STATUS_AFTER]
    if not statuses or statuses[-1] != review.status:
        what = f"review {about} is {review.status}; its audit ends with {statuses[-1:]}"
        yield Breach("I-16", what, about=about)
    moves = sum(
        event.kind in MOVES_VERSION
        or bool(MOVES_VERSION_WITH.get(event.kind, set()) & set(event.data))
        for event in events
    )
    if set(kinds) <= KNOWN and review.version != 1 + moves:
        what = f"review {about} has version {review.version} after {moves} changes by its audit"
        yield Breach("I-16", what, about=about)
    recorded = [event for event in events if event.kind.startswith("callback.")]
    if end is not None and end.state in {"settled", "parked"}:
        last = (recorded[-1].kind, recorded[-1].data.get("detail")) if recorded else ("nothing", "")
        if last != (f"callback.{end.delivery.state}", end.detail):
            what = f"review {about} is {end.delivery}; its audit has {last}"
            yield Breach("I-16", what, about=about)
