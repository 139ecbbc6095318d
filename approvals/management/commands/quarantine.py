"""`quarantine`: lists and shows messages that could not become a review, replays or discards them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from approvals.actions import quarantine
from approvals.actors import COMMAND_LINE
from approvals.exceptions import ApprovalsError
from approvals.management.command import FINDING, Error, ReviewCommand, Usage
from approvals.messages import Extras
from approvals.models import QuarantinedMessage
from approvals.polling import attachments
from approvals.records.quarantined_messages import body_of, extras_of, redacted_body
from approvals.untrusted.display import visible


class Command(ReviewCommand):
    """List quarantined messages, show one, replay or discard some."""

    help = (
        "Messages that could not become a review: list, show, replay or discard them. Exit code 3 if one"
        " of them was not replayed or discarded."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Define the four subcommands and their options."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = verbs.add_parser("list", help="one line a message, the newest first")
        listing.add_argument("--json", action="store_true", help="print them as JSON")
        show = verbs.add_parser("show", help="one message, with its body, tokens redacted")
        show.add_argument("id", type=UUID, help="the id of the message")
        show.add_argument(
            "--raw",
            action="store_true",
            help="write the exact bytes instead; they may hold a live task token, so keep them out"
            " of logs and tickets. The access is audited.",
        )
        replay = verbs.add_parser("replay", help="read messages again and make their reviews")
        replay.add_argument("ids", nargs="*", type=UUID, metavar="ID", help="a message, or several")
        replay.add_argument("--all", action="store_true", help="every open one, the oldest first")
        discard = verbs.add_parser("discard", help="settle messages without a review")
        discard.add_argument(
            "ids", nargs="+", type=UUID, metavar="ID", help="a message, or several"
        )
        discard.add_argument("--reason", required=True, help="why, in 1 to 300 characters")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand."""
        match options["verb"]:
            case "list":
                self._list(as_json=options["json"])
            case "show":
                self._show(options["id"], raw=options["raw"])
            case "replay":
                self._replay(options["ids"], every=options["all"])
            case _:
                self._discard(options["ids"], options["reason"])

    def _list(self, *, as_json: bool) -> None:
        rows = [_summary(row) for row in _open_messages().order_by("-received_at", "-id")]
        if as_json:
            self.stdout.write(json.dumps(rows, indent=2))
            return
        for row in rows:
            self.stdout.write(
                "{id}  {received_at}  {queue}  {reason}  {bytes} bytes".format_map(row)
            )
        self.stdout.write(f"{len(rows)} messages in quarantine")

    def _show(self, message_id: UUID, *, raw: bool) -> None:
        if raw:
            body = quarantine.reveal(message_id, by=COMMAND_LINE)
            out: Any = self.stdout  # it hands on what it has not itself: the bytes underneath
            out.buffer.write(body)
            out.flush()
            return
        row = QuarantinedMessage.objects.select_related("queue").filter(pk=message_id).first()
        if row is None:
            raise Error(f"No message {message_id} in quarantine.")
        for name, value in (_summary(row) | _settlement(row)).items():
            self.stdout.write(f"{name}: {visible(value)}")
        self.stdout.write(f"\n{visible(redacted_body(row))}")

    def _replay(self, named: list[UUID], *, every: bool) -> None:
        if every == bool(named):
            raise Usage("Name the messages to replay, or give --all.")
        ids = _open_messages().order_by("received_at", "id").values_list("pk", flat=True)

        def replay(message_id: UUID) -> str:
            extras = _extras(message_id)
            review = quarantine.replay(message_id, by=COMMAND_LINE, fetched=extras)
            return f"replayed as review {review.pk if review else ''}"

        self._each(list(ids) if every else _existing(named), replay, "replayed")

    def _discard(self, named: list[UUID], reason: str) -> None:
        if not 1 <= len(reason.strip()) <= quarantine.MAX_REASON:
            raise Usage(f"--reason takes 1 to {quarantine.MAX_REASON} characters.")

        def discard(message_id: UUID) -> str:
            quarantine.discard(message_id, reason, by=COMMAND_LINE)
            return "discarded"

        self._each(_existing(named), discard, "discarded")

    def _each(self, ids: Iterable[UUID], verb: Callable[[UUID], str], done: str) -> None:
        """Run a verb on each message and write a line for it; a refusal does not stop the others."""
        good = refused = 0
        for message_id in ids:
            try:
                self.stdout.write(f"{message_id}  {verb(message_id)}")
                good += 1
            except ApprovalsError as error:
                self.stdout.write(f"{message_id}  not {done}: {error.message}")
                refused += 1
        self.stdout.write(f"{good} {done}, {refused} not")
        if refused:
            sys.exit(FINDING)


def _extras(message_id: UUID) -> Extras:
    """What came beside a message, with the object of its S3 pointer read now, if it is one."""
    row = QuarantinedMessage.objects.select_related("queue").get(pk=message_id)
    body = body_of(row).decode(errors="surrogatepass")
    return attachments.with_object(row.queue, body, extras_of(row))


def _open_messages() -> Any:
    waiting = QuarantinedMessage.objects.filter(replayed_at=None, discarded_at=None)
    return waiting.select_related("queue").defer("raw_body", "sealed_extras")


def _existing(named: list[UUID]) -> list[UUID]:
    """The named messages, each once. Raises Error for one that is not there, before any is changed."""
    ids = list(dict.fromkeys(named))
    there = set(QuarantinedMessage.objects.filter(pk__in=ids).values_list("pk", flat=True))
    for message_id in ids:
        if message_id not in there:
            raise Error(f"No message {message_id} in quarantine.")
    return ids


def _summary(row: QuarantinedMessage) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "queue": row.queue.slug,
        "origin": row.origin,
        "reason": row.reason,
        "explanation": row.explanation,
        "bytes": row.raw_body_bytes,
        "sqs_message_id": row.sqs_message_id,
        "sent_at": row.sent_at.isoformat(timespec="seconds"),
        "received_at": row.received_at.isoformat(timespec="seconds"),
    }


def _settlement(row: QuarantinedMessage) -> dict[str, str]:
    if row.replayed_at is not None:
        at = row.replayed_at.isoformat(timespec="seconds")
        return {"replayed_at": at, "replayed_as": str(row.replayed_as_id)}
    if row.discarded_at is not None:
        at = row.discarded_at.isoformat(timespec="seconds")
        return {"discarded_at": at, "discard_reason": row.discard_reason}
    return {}
