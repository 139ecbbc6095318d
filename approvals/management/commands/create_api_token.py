"""`create_api_token`: print a new API token of a user, alone, so that a script can take it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from approvals.actions import credentials
from approvals.actors import COMMAND_LINE
from approvals.management.command import ReviewCommand


class Command(ReviewCommand):
    """Make an API token; it is shown this once."""

    help = "Print a new API token of EMAIL. Only its digest is stored."

    def add_arguments(self, parser: CommandParser) -> None:
        """The options of section 9.2."""
        parser.add_argument("email")
        parser.add_argument("--name", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """Issue the token and print it alone."""
        user = self.user(options["email"])
        self.stdout.write(credentials.issue_token(user, options["name"], by=COMMAND_LINE))
