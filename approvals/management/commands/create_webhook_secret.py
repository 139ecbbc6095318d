"""`create_webhook_secret`: make a secret for signed webhooks and print only the secret, for scripts."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from approvals.actions import credentials
from approvals.actors import COMMAND_LINE
from approvals.management.command import ReviewCommand


class Command(ReviewCommand):
    """Make a webhook secret. This is the only time that it is shown; a sender may have several."""

    help = (
        "Make a secret with which the sender NAME signs webhooks, and print it, this once. It is stored"
        " sealed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("name", help="the sender")
        parser.add_argument("--queue", metavar="SLUG", help="only for reviews of this queue")

    def handle(self, *args: Any, **options: Any) -> None:
        """Issue the secret and print it."""
        self.stdout.write(
            credentials.issue_secret(options["name"], options["queue"], by=COMMAND_LINE)
        )
