"""`verify_audit`: recompute the hash chains of the audit trail and list each breach."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from approvals.management.command import FINDING, Error, ReviewCommand, Usage
from approvals.models import ReviewTask
from approvals.records import audit
from approvals.records.audit_verification import Breach, Verification, verify


class Command(ReviewCommand):
    """Verify one review's chain, or every chain there is."""

    help = "Recompute the hash chains of the audit trail and list each breach. Exit code 3 if there is one."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "--review", type=UUID, metavar="ID", help="only the chain of this review"
        )
        parser.add_argument(
            "--after",
            default="",
            metavar="CHAIN",
            help="only the chains after this one, in the order of their names: where a run that was"
            " interrupted says that the next one goes on",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify, print each breach, and end with exit code 3 if there is one."""
        review, after = options["review"], options["after"]
        if review and after:
            raise Usage("--review and --after do not go together.")
        if review:
            self._report(1, self._print(self._of(review)))
        else:
            self._pass(after)

    def _of(self, review: UUID) -> list[Breach]:
        if not ReviewTask.objects.filter(pk=review).exists():
            raise Error(f"No review {review}.")
        return verify(audit.chain_of("review", review))

    def _pass(self, after: str) -> None:
        verification = Verification(after, self.stop_on_signals())
        breaches = self._print(verification)
        if verification.stop.is_set():
            so_far = f"{verification.verified} chains verified, {breaches} breaches"
            onwards = f" Go on with --after {verification.resume_after}"
            raise Error(f"Interrupted: {so_far}.{onwards if verification.resume_after else ''}")
        self._report(verification.verified, breaches)

    def _print(self, breaches: Iterable[Breach]) -> int:
        """Print each breach; returns how many."""
        number = 0
        for breach in breaches:
            number += 1
            self.stdout.write(f"{breach.chain} #{breach.seq}: {breach.what}")
        return number

    def _report(self, verified: int, breaches: int) -> None:
        self.stdout.write(f"{verified} chains verified, {breaches} breaches")
        if breaches:
            sys.exit(FINDING)
