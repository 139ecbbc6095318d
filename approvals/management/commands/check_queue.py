"""`check_queue`: what AWS says of a queue's rights, region, kind and settings, and what to do about it."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandParser

from approvals.management.command import FINDING, Error, ReviewCommand
from approvals.models import ReviewQueue
from approvals.polling import checking


class Command(ReviewCommand):
    """Check one queue; nothing is received, nothing is changed."""

    help = "Check a queue in AWS. Exit code 3 where there is a warning or a problem."

    def add_arguments(self, parser: CommandParser) -> None:
        """The options of section 9.2."""
        parser.add_argument("slug")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print each finding, and end with 3 where there is something to do."""
        queue = ReviewQueue.objects.filter(slug=options["slug"]).first()
        if queue is None:
            raise Error(f"No queue {options['slug']!r}: register_queue makes one.")
        findings = checking.check(queue)
        for finding in findings:
            self.stdout.write(f"{finding.level:<8} {finding.what}")
        if any(finding.level != checking.Level.OK for finding in findings):
            sys.exit(FINDING)
