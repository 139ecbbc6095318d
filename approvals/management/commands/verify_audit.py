"""`verify_audit`: recompute the hash chains of the audit trail and list each breach."""

from __future__ import annotations

import sys
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from approvals.management.command import FINDING, Error, ReviewCommand
from approvals.models import ReviewTask
from approvals.records import audit


class Command(ReviewCommand):
    """Verify one review's chain, or every chain there is."""

    help = "Recompute the hash chains of the audit trail and list each breach. Exit code 3 if there is one."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "--review", type=UUID, metavar="ID", help="only the chain of this review"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify, print each breach, and end with exit code 3 if there is one."""
        review = options["review"]
        if review and not ReviewTask.objects.filter(pk=review).exists():
            raise Error(f"No review {review}.")
        chains = [audit.chain_of("review", review)] if review else audit.chains()
        verified = breaches = 0
        for chain in chains:
            verified += 1
            for breach in audit.verify(chain):
                breaches += 1
                self.stdout.write(f"{breach.chain} #{breach.seq}: {breach.what}")
        self.stdout.write(f"{verified} chains verified, {breaches} breaches")
        if breaches:
            sys.exit(FINDING)
