"""`register_queue`: create a review queue, or change one."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from approvals.actions import queues
from approvals.actors import COMMAND_LINE
from approvals.management.command import ReviewCommand
from approvals.models import ReviewQueue

CHANGEABLE = (
    "name", "region", "role_arn", "timeout_seconds", "reject_as", "error_name",
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
            "--sqs-url", required=True, metavar="URL", help="where its messages are"
        )
        parser.add_argument("--name", help="shown on pages")
        parser.add_argument("--region", help="of the SQS queue and its state machines")
        parser.add_argument(
            "--role-arn", metavar="ARN", help="the IAM role to assume for this queue"
        )
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
        parser.add_argument("--lease-seconds", type=int, metavar="N", help="how long a claim lasts")
        parser.add_argument(
            "--state-machine",
            action="append",
            metavar="ARN",
            help="accept only messages of this one; repeat for more; replaces the list ('': any)",
        )
        parser.add_argument(
            "--heartbeat-seconds",
            type=int,
            metavar="N",
            help="the waiting state's HeartbeatSeconds, to send heartbeats for its tokens (0: none)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Save the queue and print whether it is new."""
        changes = {name: options[name] for name in CHANGEABLE if options[name] is not None}
        changes["sqs_url"] = options["sqs_url"]
        if options["state_machine"] is not None:
            changes["state_machine_arns"] = [arn for arn in options["state_machine"] if arn]
        if options["heartbeat_seconds"] is not None:
            changes["heartbeat_seconds"] = options["heartbeat_seconds"] or None
        if not ReviewQueue.objects.filter(slug=options["slug"]).exists():
            changes.setdefault("region", settings.AWS_REGION)
        queue, created = queues.save(options["slug"], changes, by=COMMAND_LINE)
        self.stdout.write(f"{'Created' if created else 'Updated'} queue {queue.slug}.")
