"""`create_webhook_secret`: print a new secret for signed webhooks, alone, so that a script can take it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from approvals.actions import credentials
from approvals.actors import COMMAND_LINE
from approvals.management.command import ReviewCommand


class Command(ReviewCommand):
    """Make a webhook secret; it is shown this once. Secrets of one name are one sender's."""

    help = "Print a new secret with which NAME signs webhooks. It is stored sealed."

    def add_arguments(self, parser: CommandParser) -> None:
        """The options of section 9.2."""
        parser.add_argument("name")
        parser.add_argument("--queue", metavar="SLUG", help="good for this queue's reviews alone")

    def handle(self, *args: Any, **options: Any) -> None:
        """Issue the secret and print it alone."""
        self.stdout.write(
            credentials.issue_secret(options["name"], options["queue"], by=COMMAND_LINE)
        )
