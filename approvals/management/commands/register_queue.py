"""`register_queue`: make a review queue, or change one."""

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
    """Create or update a queue; what is not named stays as it is."""

    help = "Tell the service about an SQS queue of manual-review messages (create or update)."

    def add_arguments(self, parser: CommandParser) -> None:
        """The options of section 9.2."""
        parser.add_argument("slug")
        parser.add_argument("--sqs-url", required=True, metavar="URL")
        parser.add_argument("--name")
        parser.add_argument("--region")
        parser.add_argument("--role-arn")
        parser.add_argument("--timeout-seconds", type=int, metavar="N")
        parser.add_argument("--reject-as", choices=ReviewQueue.RejectAs.values)
        parser.add_argument("--error-name")
        parser.add_argument("--at-deadline", choices=ReviewQueue.AtDeadline.values)
        parser.add_argument("--undo-seconds", type=int, metavar="N")
        parser.add_argument("--lease-seconds", type=int, metavar="N")
        parser.add_argument(
            "--state-machine",
            action="append",
            metavar="ARN",
            help="whose messages are taken; repeat for more; replaces the list ('': any)",
        )
        parser.add_argument(
            "--heartbeat-seconds",
            type=int,
            metavar="N",
            help="HeartbeatSeconds of the waiting state: keep its tokens alive (0: do not)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Save the queue and say whether it is new."""
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
