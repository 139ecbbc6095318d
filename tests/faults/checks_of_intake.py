"""Checks of intake: every message is a review or in quarantine, once, before it is deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from uuid import UUID

from django.db import connection

from approvals.models import AuditEvent, QuarantinedMessage, ReviewQueue
from tests.faults.truth import Breach, Seen, Truth


def check(truth: Truth, reviews: Mapping[UUID, Seen], left: Collection[str]) -> Iterator[Breach]:
    """Breaches about messages. `left` are the digests of bodies that are still on queues."""
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
