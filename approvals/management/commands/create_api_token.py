"""`create_api_token`: make an API token of a user and print only the token, for scripts."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from approvals.actions import credentials
from approvals.actors import COMMAND_LINE
from approvals.management.command import ReviewCommand
from approvals.models import ApiToken


class Command(ReviewCommand):
    """Make an API token. This is the only time that it is shown."""

    help = "Make an API token of EMAIL and print it, this once. Only its digest is stored."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("email", help="the user who acts with the token")
        parser.add_argument("--name", required=True, help="tells the user's tokens apart")

    def handle(self, *args: Any, **options: Any) -> None:
        """Issue the token and print it alone; when it expires is on standard error."""
        user = self.user(options["email"])
        self.stdout.write(credentials.issue_token(user, options["name"], by=COMMAND_LINE))
        token = ApiToken.objects.get(user=user, name=options["name"].strip())
        if token.expiry:
            self.stderr.write(f"It expires on {token.expiry:%Y-%m-%d}.")
