"""`quarantine`: look at messages that could not become reviews. Bodies are shown with care."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from approvals import messages
from approvals.management.refusals import Error, ReviewCommand
from approvals.models import QuarantinedMessage
from approvals.records import tokens


class Command(ReviewCommand):
    """List quarantined messages, or show one."""

    help = "Messages that could not become a review: list them, or show one with its bytes."

    def add_arguments(self, parser: CommandParser) -> None:
        """The options of section 9.2."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = verbs.add_parser("list", help="one line a message, the newest first")
        listing.add_argument("--json", action="store_true")
        show = verbs.add_parser("show", help="one message, with its body, tokens blotted out")
        show.add_argument("id", type=UUID)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the verb."""
        if options["verb"] == "list":
            self._list(as_json=options["json"])
        else:
            self._show(options["id"])

    def _list(self, *, as_json: bool) -> None:
        waiting = QuarantinedMessage.objects.filter(replayed_at=None, discarded_at=None)
        rows = [_summary(row) for row in waiting.select_related("queue").order_by("-received_at")]
        if as_json:
            self.stdout.write(json.dumps(rows, indent=2))
            return
        for row in rows:
            self.stdout.write(
                "{id}  {received_at}  {queue}  {reason}  {bytes} bytes".format_map(row)
            )
        self.stdout.write(f"{len(rows)} messages in quarantine")

    def _show(self, message_id: UUID) -> None:
        row = QuarantinedMessage.objects.select_related("queue").filter(pk=message_id).first()
        if row is None:
            raise Error(f"No message {message_id} in quarantine.")
        for name, value in _summary(row).items():
            self.stdout.write(f"{name}: {value}")
        body = tokens.unseal(row.raw_body, row=row.pk, column="raw_body")
        self.stdout.write(f"\n{messages.blotted(body.decode(errors='replace'))}")


def _summary(row: QuarantinedMessage) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "queue": row.queue.slug,
        "reason": row.reason,
        "explanation": row.explanation,
        "bytes": row.raw_body_bytes,
        "sqs_message_id": row.sqs_message_id,
        "sent_at": row.sent_at.isoformat(timespec="seconds"),
        "received_at": row.received_at.isoformat(timespec="seconds"),
    }
