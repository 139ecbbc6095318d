"""`check_queue`: check a queue's permissions, region, kind and settings in AWS, and what to do about them."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandParser

from approvals.management.command import FINDING, Error, ReviewCommand
from approvals.models import ReviewQueue
from approvals.polling import checking


class Command(ReviewCommand):
    """Check one queue. No message is received and nothing is changed."""

    help = (
        "Check a queue in AWS: permissions, region, kind, redrive policy, retention. Nothing is received or"
        " changed. Exit code 3 for a warning or a problem."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("slug", help="the queue to check")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print each finding, and end with exit code 3 unless all of them are OK."""
        queue = ReviewQueue.objects.filter(slug=options["slug"]).first()
        if queue is None:
            raise Error(f"No queue {options['slug']!r}: register_queue makes one.")
        findings = checking.check(queue)
        for finding in findings:
            self.stdout.write(f"{finding.level:<8} {finding.what}")
        if any(finding.level != checking.Level.OK for finding in findings):
            sys.exit(FINDING)
