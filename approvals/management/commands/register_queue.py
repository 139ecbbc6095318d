"""`register_queue`: create a review queue, or change one."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from approvals import messages
from approvals.actions import queues
from approvals.actors import COMMAND_LINE
from approvals.management.command import ReviewCommand, Usage
from approvals.models import ReviewQueue

CHANGEABLE = (
    "name", "sqs_url", "region", "role_arn", "timeout_seconds", "reject_as", "error_name",
    "at_deadline", "undo_seconds", "lease_seconds",
)  # fmt: skip


class Command(ReviewCommand):
    """Create or update a queue. Settings that are not given stay as they are."""

    help = (
        "Create the review queue SLUG, which reads manual-review messages from an SQS queue, or change the"
        " settings that are given."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("slug", help="the queue's name in URLs and commands")
        parser.add_argument(
            "--sqs-url", metavar="URL", help="where its messages are; a new queue needs it"
        )
        parser.add_argument("--name", help="shown on pages")
        parser.add_argument("--region", help="of the SQS queue and its state machines")
        parser.add_argument(
            "--role-arn", metavar="ARN", help="the IAM role to assume for this queue"
        )
        self._add_answers(parser)
        self._add_messages(parser)

    def _add_answers(self, parser: CommandParser) -> None:
        """Declare what governs deadlines, claims and what is sent to Step Functions."""
        parser.add_argument(
            "--timeout-seconds",
            type=int,
            metavar="N",
            help="from the message to the deadline, if it names none",
        )
        parser.add_argument(
            "--reject-as",
            choices=ReviewQueue.RejectAs.values,
            help="the call that answers a rejection",
        )
        parser.add_argument("--error-name", metavar="NAME", help="the error of SendTaskFailure")
        parser.add_argument(
            "--at-deadline",
            choices=ReviewQueue.AtDeadline.values,
            help="what to do with an open review",
        )
        parser.add_argument(
            "--undo-seconds", type=int, metavar="N", help="how long a decision can be undone"
        )
        parser.add_argument(
            "--bulk", choices=["on", "off"], help="whether many reviews may be decided at once"
        )
        parser.add_argument("--lease-seconds", type=int, metavar="N", help="how long a claim lasts")
        parser.add_argument(
            "--heartbeat-seconds",
            type=int,
            metavar="N",
            help="the waiting state's HeartbeatSeconds, to send heartbeats for its tokens (0: none)",
        )
        parser.add_argument(
            "--probe",
            choices=["on", "off"],
            help="whether overdue reviews may be probed by a heartbeat; not for states with HeartbeatSeconds",
        )

    def _add_messages(self, parser: CommandParser) -> None:
        """Declare which messages are taken, and where they hold their fields."""
        parser.add_argument(
            "--state-machine",
            action="append",
            metavar="ARN",
            help="accept only messages of this one; repeat for more; replaces the list ('': any)",
        )
        parser.add_argument(
            "--map",
            action="append",
            metavar="FIELD=PATH",
            help="where its messages hold a field, such as token=$.callback.id; fields: "
            f"{', '.join(messages.FIELD_OF)}; FIELD= takes one out; repeat for more",
        )
        parser.add_argument(
            "--pointer-bucket",
            action="append",
            metavar="NAME",
            help="an S3 bucket that messages may point to; repeat for more; replaces the list ('': none)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Save the queue and print whether it is new."""
        changes = _changes(options)
        there = ReviewQueue.objects.filter(slug=options["slug"]).first()
        if options["map"] is not None:
            changes["message_map"] = _merged(there.message_map if there else {}, options["map"])
        if there is None:
            if not options["sqs_url"]:
                raise Usage(f"Queue {options['slug']} is new: name its SQS queue with --sqs-url.")
            changes.setdefault("region", settings.AWS_REGION)
        elif not changes:
            raise Usage(f"Queue {options['slug']} is there: name what is to be changed.")
        queue, created = queues.save(options["slug"], changes, by=COMMAND_LINE)
        self.stdout.write(f"{'Created' if created else 'Updated'} queue {queue.slug}.")


def _changes(options: dict[str, Any]) -> dict[str, Any]:
    """The settings that the options name, but for the map, which is merged with the stored one."""
    changes = {name: options[name] for name in CHANGEABLE if options[name] is not None}
    for option, name in (
        ("state_machine", "state_machine_arns"),
        ("pointer_bucket", "pointer_buckets"),
    ):
        if options[option] is not None:
            changes[name] = [text for text in options[option] if text]
    if options["heartbeat_seconds"] is not None:
        changes["heartbeat_seconds"] = options["heartbeat_seconds"] or None
    if options["probe"] is not None:
        changes["probe_with_heartbeats"] = options["probe"] == "on"
    if options["bulk"] is not None:
        changes["allow_bulk"] = options["bulk"] == "on"
    return changes


def _merged(stored: Any, entries: list[str]) -> dict[str, str]:
    """The stored map with these entries, `field=path`; an empty path takes its field out. Raises Usage."""
    merged = dict(stored) if isinstance(stored, dict) else {}
    for entry in entries:
        name, equals, path = entry.partition("=")
        if not equals or name not in messages.FIELD_OF:
            known = ", ".join(messages.FIELD_OF)
            raise Usage(f"--map takes FIELD=PATH; the fields are {known}.")
        merged[name] = path
    return {name: path for name, path in merged.items() if path}
